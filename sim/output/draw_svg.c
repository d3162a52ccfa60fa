/* SPDX-License-Identifier: MIT */
#include "sim/output/draw.h"

#include "sim/base/arena.h"
#include "sim/output/draw_svg_box.h"
#include "sim/output/draw_words.h"
#include "sim/output/xml_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MARGIN = 16,
    LINE_HEIGHT = 16,
    LEGEND_ROW = 22,
    LEGEND_COLUMN = 224,
    LEGEND_GROUPS = 40,
    LEAST_WIDTH = 3 * LEGEND_COLUMN,
    SWATCH = 26,
    ARROW_HEAD = 9,
};

static const struct text_font name_font = {18, true}, line_font = {12, false}, line_bold = {12, true},
                              small = {10, false}, small_bold = {10, true};

static int picture_width(const struct drawing *drawing)
{
    int width = drawing->boxes[0].width * DRAW_CELL;
    return width > LEAST_WIDTH ? width : LEAST_WIDTH;
}

static void line(struct svg *svg, int *y, struct text_font font, const char *style, const char *text)
{
    svg_text(svg, (struct svg_place){MARGIN, *y, picture_width(svg->drawing), style}, font, text);
    *y += LINE_HEIGHT;
}

static void labelled(struct svg *svg, int *y, const char *label, struct text_buffer *text)
{
    svg_text(svg, (struct svg_place){MARGIN, *y, 100, "fill=\"#555\""}, line_font, label);
    svg_text(svg, (struct svg_place){MARGIN + 100, *y, picture_width(svg->drawing) - 100, ""}, line_font,
             text_buffer_get(text));
    *y += LINE_HEIGHT;
    text_buffer_fini(text);
}

/* @return the first row below */
static int heading(struct svg *svg, const struct draw_title *title)
{
    const struct iommu_groups *groups = svg->drawing->groups;
    struct text_buffer text = {0};
    int y = MARGIN + 18;
    line(svg, &y, name_font, "", groups->topology->name ? groups->topology->name : title->file);
    y += 6;
    if (groups->topology->name) {
        text_buffer_add(&text, title->file);
        labelled(svg, &y, "file", &text);
    }
    draw_words_counts(svg->drawing, &text);
    labelled(svg, &y, "machine", &text);
    draw_words_iommu(svg->drawing, &text);
    text_buffer_format(&text, "; groups by the rules of %s",
                       group_algorithm_name(groups->platform.algorithm));
    labelled(svg, &y, "IOMMU", &text);
    text_buffer_add(&text, title->cmdline && *title->cmdline ? title->cmdline : "none stated");
    labelled(svg, &y, "command line", &text);
    text_buffer_format(&text,
                       "%" PRIu64 " pairs of functions of different groups reach each other untranslated",
                       svg->drawing->leaks);
    svg_text(svg, (struct svg_place){MARGIN, y, 100, "fill=\"#555\""}, line_font, "leaks");
    svg_text(svg,
             (struct svg_place){MARGIN + 100, y, picture_width(svg->drawing) - 100,
                                svg->drawing->leaks ? "fill=\"#c00020\"" : ""},
             svg->drawing->leaks ? line_bold : line_font, text_buffer_get(&text));
    text_buffer_fini(&text);
    y += LINE_HEIGHT;
    for (unsigned n = 0; draw_words_note(svg->drawing, n, &text); n++) {
        line(svg, &y, line_font, "fill=\"#555\" font-style=\"italic\"", text_buffer_get(&text));
        text_buffer_fini(&text);
    }
    return y - 4;
}

static void units(struct svg *svg)
{
    const struct iommu_groups *groups = svg->drawing->groups;
    const struct iommu_coverage *coverage = groups->coverage;
    int columns = draw_units_a_row(svg->drawing->boxes[0].width);
    for (uint32_t u = 0; u < coverage->unit_count; u++) {
        const struct iommu_unit *unit = &coverage->units[u];
        uint32_t covered = 0;
        for (uint32_t id = 0; id < groups->topology->function_count; id++)
            covered += coverage->functions[id].unit == u;
        int x = (DRAW_GAP + (int)u % columns * (DRAW_LEAF_WIDTH + DRAW_GAP)) * DRAW_CELL;
        int y = (DRAW_ROOT_HEADER + (int)u / columns * DRAW_UNIT_HEIGHT) * DRAW_CELL;
        int width = DRAW_LEAF_WIDTH * DRAW_CELL, room = width - 24;
        struct text_buffer text = {0};
        text_buffer_format(svg->out, "<g class=\"unit\" id=\"unit-%u\">\n", u);
        svg_rectangle(svg, x, y, width, (DRAW_UNIT_HEIGHT - 1) * DRAW_CELL,
                      "rx=\"15\" fill=\"#444b57\" stroke=\"#222\"");
        text_buffer_format(&text, "IOMMU unit %u%s%s", u, unit->name ? ": " : "",
                           unit->name ? unit->name : "");
        svg_text(svg, (struct svg_place){x + 12, y + 13, room, "fill=\"#fff\""}, small_bold,
                 text_buffer_get(&text));
        text_buffer_fini(&text);
        text_buffer_format(&text, "%s, translates %u function%s%s", iommu_kind_name(groups->platform.kind),
                           covered, covered == 1 ? "" : "s", groups->platform.enabled ? "" : " (off)");
        svg_text(svg, (struct svg_place){x + 12, y + 26, room, "fill=\"#fff\""}, small,
                 text_buffer_get(&text));
        text_buffer_fini(&text);
        text_buffer_add(svg->out, "</g>\n");
    }
}

static void arrow_path(struct svg *svg, const struct draw_arrow *arrow, const char *style)
{
    text_buffer_add(svg->out, "<path d=\"");
    for (uint32_t i = 0; i < arrow->point_count; i++)
        text_buffer_format(svg->out, "%s%d %d", i ? "L" : "M", arrow->points[i].x, arrow->points[i].y);
    text_buffer_format(svg->out, "\" fill=\"none\" stroke-linejoin=\"round\" %s/>\n", style);
}

/* The number of pairs on the longest stretch of an arrow for several. */
static void arrow_label(struct svg *svg, const struct draw_arrow *arrow)
{
    uint64_t pairs = arrow->forward > arrow->backward ? arrow->forward : arrow->backward;
    if (pairs < 2 || arrow->hub)
        return;
    int longest = -1, x = 0, y = 0;
    bool upright = false;
    for (uint32_t i = 0; i + 1 < arrow->point_count; i++) {
        struct draw_point a = arrow->points[i], b = arrow->points[i + 1];
        int length = abs(a.x - b.x) + abs(a.y - b.y);
        if (length <= longest)
            continue;
        longest = length;
        upright = a.x == b.x;
        x = (a.x + b.x) / 2;
        y = (a.y + b.y) / 2;
    }
    char word[24];
    snprintf(word, sizeof(word), "%" PRIu64, pairs);
    int width = (int)text_width(word, small_bold) + 4;
    if (arrow->from != arrow->to && longest < width + 2 * ARROW_HEAD) { /* beside it */
        x += upright ? width / 2 + 5 : 0;
        y -= upright ? 0 : 11;
        upright = false;
    }
    text_buffer_format(svg->out, "<g transform=\"translate(%d %d)%s\">\n", x, y,
                       upright ? " rotate(-90)" : "");
    svg_rectangle(svg, -width / 2, -6, width, 12, "rx=\"3\" fill=\"#fff\" stroke=\"#c00020\"");
    svg_text(svg, (struct svg_place){-width / 2 + 2, 4, width, "fill=\"#c00020\""}, small_bold, word);
    text_buffer_add(svg->out, "</g>\n");
}

/* Light about arrows keeps them apart where they cross; those of a hub join instead. */
static const char halo[] = "stroke=\"#fff\" stroke-width=\"5\"";

static void arrows(struct svg *svg)
{
    char style[160];
    for (uint32_t i = 0; i < svg->drawing->arrow_count; i++) {
        if (svg->drawing->arrows[i].hub && svg->drawing->arrows[i].point_count)
            arrow_path(svg, &svg->drawing->arrows[i], halo);
    }
    for (uint32_t i = 0; i < svg->drawing->arrow_count; i++) {
        const struct draw_arrow *arrow = &svg->drawing->arrows[i];
        if (!arrow->point_count)
            continue;
        struct text_buffer words = {0};
        draw_words_arrow(svg->drawing, arrow, &words);
        text_buffer_format(svg->out,
                           "<g class=\"leak\" id=\"leak-%u\" data-forward=\"%" PRIu64
                           "\" data-backward=\"%" PRIu64 "\">\n",
                           i, arrow->forward, arrow->backward);
        svg_tooltip(svg, text_buffer_get(&words));
        text_buffer_fini(&words);
        if (!arrow->hub)
            arrow_path(svg, arrow, halo);
        bool both = arrow->from == arrow->to;
        snprintf(style, sizeof(style), "stroke=\"#c00020\" stroke-width=\"2\"%s%s",
                 arrow->backward || both ? " marker-start=\"url(#tail)\"" : "",
                 arrow->forward || both ? " marker-end=\"url(#head)\"" : "");
        arrow_path(svg, arrow, style);
        arrow_label(svg, arrow);
        text_buffer_add(svg->out, "</g>\n");
    }
}

/** Entries of the legend are placed in columns. */
struct legend {
    struct svg *svg;
    int columns, entry, y;
};

/* @return left end of the swatch */
static int entry(struct legend *legend, int *y, const char *text)
{
    int x = MARGIN + legend->entry % legend->columns * LEGEND_COLUMN;
    *y = legend->y + legend->entry / legend->columns * LEGEND_ROW;
    legend->entry++;
    svg_text(legend->svg, (struct svg_place){x + SWATCH + 8, *y + 12, LEGEND_COLUMN - SWATCH - 16, ""}, small,
             text);
    return x;
}

static void new_row(struct legend *legend)
{
    while (legend->entry % legend->columns)
        legend->entry++;
}

static void legend_groups(struct legend *legend)
{
    struct svg *svg = legend->svg;
    const struct iommu_groups *groups = svg->drawing->groups;
    uint32_t shared = 0, single = NONE, last_single = NONE;
    int y, x;
    for (uint32_t g = 0; g < groups->group_count; g++) {
        char word[64];
        if (groups->groups[g].member_count < 2) {
            last_single = single == NONE ? last_single : g;
            single = single == NONE ? g : single;
            continue;
        }
        if (shared++ >= LEGEND_GROUPS)
            continue;
        snprintf(word, sizeof(word), "group %u: %u functions share it", g, groups->groups[g].member_count);
        x = entry(legend, &y, word);
        svg_group_rectangle(svg, x, y, SWATCH, 16, g);
    }
    if (shared > LEGEND_GROUPS) {
        char word[64];
        snprintf(word, sizeof(word), "and %u more groups of several", shared - LEGEND_GROUPS);
        entry(legend, &y, word);
    }
    new_row(legend);
    if (single != NONE) {
        x = entry(legend, &y, "pale: alone in its group");
        svg_group_rectangle(svg, x, y, SWATCH / 2, 16, single);
        svg_group_rectangle(svg, x + SWATCH / 2, y, SWATCH / 2, 16,
                            last_single == NONE ? single : last_single);
    }
    bool ungrouped = false;
    for (uint32_t id = 0; id < groups->topology->function_count; id++)
        ungrouped |= groups->decisions[id].group == NONE;
    if (ungrouped) {
        x = entry(legend, &y, "no group: not behind an IOMMU");
        svg_group_rectangle(svg, x, y, SWATCH, 16, NONE);
    }
}

static void legend_signs(struct legend *legend)
{
    struct svg *svg = legend->svg;
    const struct drawing *drawing = svg->drawing;
    bool stacked = false, links = false;
    int y, x;
    for (uint32_t i = 0; i < drawing->box_count; i++) {
        const struct draw_box *box = &drawing->boxes[i];
        stacked |= box->instances > 1;
        links |= box->kind == DRAW_FUNCTION && box->first_child != NONE;
    }
    if (stacked) {
        x = entry(legend, &y, "\xc3\x97N: identical, drawn once");
        for (int i = 2; i >= 0; i--)
            svg_rectangle(svg, x + 2 * i, y + 2 * i, SWATCH - 6, 11,
                          "rx=\"2\" fill=\"#fff\" stroke=\"#777\"");
    }
    if (links) {
        x = entry(legend, &y, "link; the wider, the more lanes");
        svg_link(svg, x + 5, y, 16, 1);
        svg_link(svg, x + 18, y, 16, 16);
    }
    if (drawing->leaks) {
        static const struct draw_point points[] = {{0, 8}, {SWATCH, 8}};
        struct draw_arrow sample = {.points = points, .point_count = 2};
        x = entry(legend, &y, "leak: reaches it past the IOMMU");
        text_buffer_format(svg->out, "<g transform=\"translate(%d %d)\">\n", x, y);
        arrow_path(svg, &sample, "stroke=\"#c00020\" stroke-width=\"2\" marker-end=\"url(#head)\"");
        text_buffer_add(svg->out, "</g>\n");
    }
    for (uint32_t i = 0; i < drawing->arrow_count; i++) {
        if (drawing->arrows[i].hub) {
            x = entry(legend, &y, "leaks meet: all with an arrow there");
            svg_rectangle(svg, x, y + 1, SWATCH, 13, "rx=\"6\" fill=\"#fff\" stroke=\"#c00020\"");
            break;
        }
    }
    new_row(legend);
}

static void definitions(struct svg *svg)
{
    static const char *const hatches[DRAW_HATCHES] = {
        NULL, "M0 8L8 0M-2 2L2 -2M6 10L10 6", "M0 0L8 8M-2 6L2 10M6 -2L10 2", "M1 2h2M5 6h2", "M4 0v8"};
    text_buffer_add(svg->out, "<defs>\n");
    for (int i = 1; i < DRAW_HATCHES; i++)
        text_buffer_format(svg->out,
                           "<pattern id=\"hatch%d\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">"
                           "<path d=\"%s\" stroke=\"#fff\" stroke-width=\"2\" stroke-opacity=\"0.45\" "
                           "fill=\"none\"/></pattern>\n",
                           i, hatches[i]);
    text_buffer_add(svg->out,
                    "<marker id=\"head\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"9\" "
                    "markerHeight=\"9\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">"
                    "<path d=\"M0 0L10 5L0 10z\" fill=\"#c00020\"/></marker>\n"
                    "<marker id=\"tail\" viewBox=\"0 0 10 10\" refX=\"1\" refY=\"5\" markerWidth=\"9\" "
                    "markerHeight=\"9\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">"
                    "<path d=\"M10 0L0 5L10 10z\" fill=\"#c00020\"/></marker>\n</defs>\n");
}

void draw_svg(const struct drawing *drawing, const struct draw_title *title, struct text_buffer *out)
{
    struct arena *arena = arena_new();
    struct text_buffer body = {0};
    struct svg svg = {drawing, draw_colours(drawing->groups, arena), &body};
    int top = heading(&svg, title);
    text_buffer_format(&body, "<g transform=\"translate(%d %d)\">\n", MARGIN, top);
    svg_box(&svg, 0);
    units(&svg);
    arrows(&svg);
    text_buffer_add(&body, "</g>\n");
    int width = picture_width(drawing);
    struct legend legend = {&svg, width / LEGEND_COLUMN, 0, top + drawing->boxes[0].height * DRAW_CELL + 12};
    text_buffer_add(&body, "<g class=\"legend\" id=\"legend\">\n");
    legend_groups(&legend);
    legend_signs(&legend);
    text_buffer_add(&body, "</g>\n");
    int height = legend.y + legend.entry / legend.columns * LEGEND_ROW + MARGIN / 2;
    svg.out = out;
    text_buffer_format(out,
                       "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%d\" height=\"%d\" "
                       "viewBox=\"0 0 %d %d\" font-family=\"" TEXT_FONTS "\" fill=\"#111\">\n",
                       width + 2 * MARGIN, height, width + 2 * MARGIN, height);
    svg_tooltip(&svg, title->file);
    definitions(&svg);
    svg_rectangle(&svg, 0, 0, width + 2 * MARGIN, height, "fill=\"#fff\"");
    text_buffer_append(out, text_buffer_get(&body), body.length);
    text_buffer_add(out, "</svg>\n");
    text_buffer_fini(&body);
    arena_free(arena);
}
