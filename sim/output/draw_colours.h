/* SPDX-License-Identifier: MIT */
/**
 * @file draw_colours.h
 * A colour for every group. Colour is never the only sign: the number stands on every box.
 */
#ifndef IOMMUSIM_OUTPUT_DRAW_COLOURS_H
#define IOMMUSIM_OUTPUT_DRAW_COLOURS_H

#include "sim/analysis/iommu_groups.h"

enum { DRAW_HATCHES = 5 }; /* 0: none */

struct draw_colour {
    char fill[8];   /**< "#rrggbb": strong where several share the group, pale where one is alone in it */
    unsigned hatch; /**< white lines over it, once the strong colours are used up */
};

/** Colours of all groups, by number, from @p arena. The strong ones keep apart for colour-blind eyes, too
 * (the "light" scheme of Paul Tol, Colour Schemes, SRON/EPS/TN/09-002), and bear black text. */
const struct draw_colour *draw_colours(const struct iommu_groups *groups, struct arena *arena);

#endif
