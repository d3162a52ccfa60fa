/* SPDX-License-Identifier: MIT */
#include "sim/output/draw_colours.h"

#include "sim/base/arena.h"

#include <stdio.h>

enum { HUES = 8, WHITE = 255, PALE_PERCENT = 28 };

static const uint8_t hues[HUES][3] = {
    {0x77, 0xaa, 0xdd}, {0xee, 0x88, 0x66}, {0x44, 0xbb, 0x99}, {0xee, 0xdd, 0x88},
    {0xff, 0xaa, 0xbb}, {0xbb, 0xcc, 0x33}, {0x99, 0xdd, 0xff}, {0xaa, 0xaa, 0x00},
};

static void mix(char *fill, const uint8_t *hue, unsigned percent)
{
    unsigned part[3];
    for (int i = 0; i < 3; i++)
        part[i] = (hue[i] * percent + WHITE * (100 - percent)) / 100;
    snprintf(fill, sizeof(((struct draw_colour *)0)->fill), "#%02x%02x%02x", part[0] & 0xff, part[1] & 0xff,
             part[2] & 0xff);
}

const struct draw_colour *draw_colours(const struct iommu_groups *groups, struct arena *arena)
{
    struct draw_colour *colours = arena_array(arena, groups->group_count, sizeof(colours[0]));
    uint32_t shared = 0, single = 0;
    for (uint32_t g = 0; g < groups->group_count; g++) {
        if (groups->groups[g].member_count > 1) {
            mix(colours[g].fill, hues[shared % HUES], 100);
            colours[g].hatch = shared / HUES % DRAW_HATCHES;
            shared++;
        } else {
            mix(colours[g].fill, hues[single++ % HUES], PALE_PERCENT);
        }
    }
    return colours;
}
