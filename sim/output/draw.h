/* SPDX-License-Identifier: MIT */
/**
 * @file draw.h
 * A machine as a picture: nested boxes as the fabric is nested, coloured by IOMMU group, leaks as arrows.
 *
 * Three steps, each a pure function of the one before: which boxes there are and who leaks to whom
 * (drawing_new()), where everything goes (inside it: draw_layout(), draw_route()), and a writer for each
 * format. The same input gives the same bytes.
 */
#ifndef IOMMUSIM_OUTPUT_DRAW_H
#define IOMMUSIM_OUTPUT_DRAW_H

#include "sim/analysis/iommu_groups.h"
#include "sim/analysis/reach.h"
#include "sim/base/text_buffer.h"

/** When identical functions become one box with a count. */
enum draw_collapse {
    DRAW_COLLAPSE_AUTO,   /**< virtual functions from 3 on; the rest from 2 on in machines of more than 64 */
    DRAW_COLLAPSE_ALWAYS, /**< all from 2 on */
    DRAW_COLLAPSE_NEVER,
};

enum draw_kind {
    DRAW_ROOT_COMPLEX,
    DRAW_HOST_BRIDGE, /**< and its root bus */
    DRAW_SLOT,        /**< two functions or more with one device number */
    DRAW_FUNCTION,    /**< with what is below its bridge, its virtual functions, or the segment of a VMD */
};

/** One box. Lengths are in cells of DRAW_CELL pixels, places absolute: the root complex begins at 0, 0. */
struct draw_box {
    enum draw_kind kind;
    uint32_t parent;                    /**< index of the box around it, NONE for the root complex */
    uint32_t first_child, next_sibling; /**< NONE: none */
    uint32_t *ids;  /**< what it stands for: functions; DRAW_HOST_BRIDGE: host bridges; DRAW_SLOT: the first
                       function of each slot */
    uint32_t count; /**< number of @c ids */
    uint32_t instances; /**< how often it is in its parent: 1, or the number of identical ones */
    bool lanes;         /**< arrows run between its children */
    int x, y, width, height;
    int header; /**< rows above the children; the whole height where there are none */
};

/** A place in pixels. */
struct draw_point {
    int x, y;
};

/** Leaks between two boxes, or between a box and a place where many meet. */
struct draw_arrow {
    uint32_t from, to;          /**< boxes; from == to: among functions of one box */
    uint64_t forward, backward; /**< pairs of functions that leak from @c from to @c to, and the reverse */
    bool hub; /**< @c to stands for all who leak to each other below it: @c forward counts pairs whose source
                 is in @c from, @c backward those whose target is */
    uint32_t source_id, target_id;   /**< an example, as @c forward or, where there is none, @c backward */
    const struct draw_point *points; /**< the corners of its way, both ends included; NULL: not drawn */
    uint32_t point_count;
};

struct drawing {
    struct arena *arena; /**< owns everything here */
    const struct iommu_groups *groups;
    const struct reach *reach;
    struct draw_box *boxes; /**< 0 is the root complex; parents stand before their children */
    uint32_t box_count;
    uint32_t *box_of; /**< [function] */
    struct draw_arrow *arrows;
    uint32_t arrow_count;
    uint64_t leaks;   /**< pairs of functions */
    uint64_t vouched; /**< further pairs that would be, but for a vendor's word (REACH_VOUCHED) */
};

enum { DRAW_CELL = 8, DRAW_LEAF_WIDTH = 30, DRAW_UNIT_HEIGHT = 5, DRAW_ROOT_HEADER = 3, DRAW_GAP = 1 };

/** How many IOMMU units stand side by side in a root complex of that width (cells). At least 1. */
int draw_units_a_row(int width);

/** Draw the machine of @p groups, asked about by @p reach; both must outlive the result.
 * @return to be freed with drawing_free() */
struct drawing *drawing_new(const struct iommu_groups *groups, const struct reach *reach,
                            enum draw_collapse collapse);

/** Free a drawing. NULL is fine. */
void drawing_free(struct drawing *drawing);

/** What a picture says about itself. */
struct draw_title {
    const char *file;    /**< where the machine came from */
    const char *cmdline; /**< the kernel command line in force; NULL or "": none */
};

/** Append an SVG 1.1 document. Text is in its box, shortened where it must be; the whole stands in tooltips.
 * Each function's address stands in `data-functions` of exactly one element; every box, unit and arrow has an
 * id and classes ("function endpoint group-3"). */
void draw_svg(const struct drawing *drawing, const struct draw_title *title, struct text_buffer *out);

/** Append a Graphviz digraph: the same boxes as nodes, host bridges and slots as clusters, leaks as dashed
 * edges. */
void draw_dot(const struct drawing *drawing, const struct draw_title *title, struct text_buffer *out);

#endif
