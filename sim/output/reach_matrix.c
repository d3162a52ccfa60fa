/* SPDX-License-Identifier: MIT */
#include "sim/output/reach_matrix.h"

#include "sim/output/reach_path.h"

#include <assert.h>

/** What a cell shows. ORDER: cells. */
enum cell { CELL_NOTHING, CELL_BLOCKED, CELL_IOMMU, CELL_VOUCHED, CELL_REACHES, CELL_LEAK, CELLS };

static const struct {
    char symbol;
    const char *text;
} cells[CELLS] = {
    [CELL_NOTHING] = {' ', NULL},
    [CELL_BLOCKED] = {'x', "ends in an error on the way"},
    [CELL_IOMMU] = {'.', "goes to the IOMMU"},
    [CELL_VOUCHED] = {'v', "would reach another group, but for a vendor's word"},
    [CELL_REACHES] = {'o', "reaches past the IOMMU, no other group"},
    [CELL_LEAK] = {'#', "LEAK: reaches another group past the IOMMU"},
};

static enum cell judge(const struct reach *reach, const struct iommu_groups *groups, uint32_t source_id,
                       uint32_t target_id)
{
    struct reach_result result = reach_pair(reach, source_id, target_id);
    switch (result.outcome) {
    case REACH_NOT_APPLICABLE:
        return CELL_NOTHING;
    case REACH_REDIRECTED:
        return CELL_IOMMU;
    case REACH_REACHES:
        break;
    default:
        return CELL_BLOCKED;
    }
    switch (reach_leak(groups, &result, source_id, target_id)) {
    case REACH_LEAK:
        return CELL_LEAK;
    case REACH_VOUCHED:
        return CELL_VOUCHED;
    case REACH_NO_LEAK:
        break;
    }
    return CELL_REACHES;
}

static bool shown(const struct reach *reach, uint32_t id, uint32_t source_id, uint32_t target_id)
{
    bool sends = reach_issues(&reach->fabric->topology->functions[id]);
    bool takes = reach->fabric->nodes[id].bar_count > 0;
    if (source_id != NONE && target_id != NONE)
        return id == source_id || id == target_id;
    return sends || takes || id == source_id || id == target_id;
}

uint32_t reach_matrix_size(const struct reach *reach, uint32_t source_id, uint32_t target_id)
{
    uint32_t count = 0;
    for (uint32_t id = 0; id < reach->fabric->topology->function_count; id++)
        count += shown(reach, id, source_id, target_id);
    return count;
}

static void header(uint32_t count, unsigned width, struct text_buffer *out)
{
    text_buffer_format(out, "%*s", (int)width + 4, "");
    for (uint32_t i = 0; i < count && count > 10; i++)
        text_buffer_format(out, "%c", i % 10 ? ' ' : (char)('0' + i / 10));
    text_buffer_format(out, "\n%*s", (int)width + 4, "");
    for (uint32_t i = 0; i < count; i++)
        text_buffer_format(out, "%u", i % 10);
    text_buffer_add(out, "\n");
}

void reach_matrix(const struct reach *reach, const struct iommu_groups *groups, uint32_t source_id,
                  uint32_t target_id, struct text_buffer *out)
{
    const struct topology *topology = reach->fabric->topology;
    uint32_t ids[REACH_MATRIX_MAX], count = 0;
    unsigned width = 7;
    bool seen[CELLS] = {false};
    char name[BDF_TEXT_SIZE];
    for (uint32_t id = 0; id < topology->function_count; id++) {
        if (!shown(reach, id, source_id, target_id))
            continue;
        assert(count < REACH_MATRIX_MAX);
        ids[count++] = id;
        if (topology->functions[id].segment)
            width = topology->functions[id].segment > 0xffff ? 13 : 12;
    }
    header(count, width, out);
    for (uint32_t row = 0; row < count; row++) {
        if (!reach_issues(&topology->functions[ids[row]]) || (source_id != NONE && ids[row] != source_id))
            continue;
        text_buffer_format(out, "%2u %-*s ", row, (int)width, reach_path_name(topology, ids[row], name));
        for (uint32_t column = 0; column < count; column++) {
            bool asked = (source_id == NONE || ids[row] == source_id) &&
                         (target_id == NONE || ids[column] == target_id);
            enum cell cell = asked ? judge(reach, groups, ids[row], ids[column]) : CELL_NOTHING;
            seen[cell] = true;
            text_buffer_format(out, "%c", cells[cell].symbol);
        }
        text_buffer_add(out, "\n");
    }
    text_buffer_add(out, "\na row sends, a column is reached; blank: nothing to send, or nothing to reach\n");
    for (int cell = CELLS - 1; cell > CELL_NOTHING; cell--) {
        if (seen[cell])
            text_buffer_format(out, "%c  %s\n", cells[cell].symbol, cells[cell].text);
    }
}
