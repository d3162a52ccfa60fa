/* SPDX-License-Identifier: MIT */
#include "sim/output/draw_svg_box.h"

#include "sim/output/draw_words.h"
#include "sim/output/group_words.h"
#include "sim/output/xml_text.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    PADDING = 6,
    LINE = 13,
    TITLE_BASE = 15, /* base lines of the three lines of a function */
    IDS_BASE = 29,
    NAME_BASE = 42,
    LINK_X = 20,
    BANDS = 8,
    STACK_STEP = 2,
};

static const struct text_font address_font = {12, true}, small = {10, false}, small_bold = {10, true};

void svg_text(struct svg *svg, struct svg_place place, struct text_font font, const char *text)
{
    struct text_buffer fitting = {0};
    if (place.room > 0)
        text_fit(text, font, (unsigned)place.room, &fitting);
    if (fitting.length) {
        text_buffer_format(svg->out, "<text x=\"%d\" y=\"%d\" font-size=\"%u\"%s%s%s>", place.x, place.y,
                           font.size, font.bold ? " font-weight=\"bold\"" : "", *place.style ? " " : "",
                           place.style);
        xml_text_add(svg->out, fitting.text);
        text_buffer_add(svg->out, "</text>\n");
    }
    text_buffer_fini(&fitting);
}

int svg_text_right(struct svg *svg, struct svg_place place, struct text_font font, const char *text)
{
    char style[128];
    int width = (int)text_width(text, font);
    width = width < place.room ? width : place.room;
    snprintf(style, sizeof(style), "text-anchor=\"end\"%s%s", *place.style ? " " : "", place.style);
    place.x += place.room;
    place.style = style;
    svg_text(svg, place, font, text);
    return width;
}

void svg_rectangle(struct svg *svg, int x, int y, int width, int height, const char *style)
{
    text_buffer_format(svg->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" %s/>\n", x, y, width,
                       height, style);
}

void svg_group_rectangle(struct svg *svg, int x, int y, int width, int height, uint32_t group)
{
    char style[128];
    if (group == NONE) {
        svg_rectangle(svg, x, y, width, height,
                      "rx=\"3\" fill=\"#fff\" stroke=\"#555\" stroke-dasharray=\"4 3\"");
        return;
    }
    const struct draw_colour *colour = &svg->colours[group];
    snprintf(style, sizeof(style), "rx=\"3\" fill=\"%s\" stroke=\"#555\"", colour->fill);
    svg_rectangle(svg, x, y, width, height, style);
    if (colour->hatch) {
        snprintf(style, sizeof(style), "rx=\"3\" fill=\"url(#hatch%u)\"", colour->hatch);
        svg_rectangle(svg, x, y, width, height, style);
    }
}

void svg_tooltip(struct svg *svg, const char *text)
{
    text_buffer_add(svg->out, "<title>");
    for (const char *line = text; line;) {
        /* Line ends are the only control characters a tooltip keeps. */
        const char *end = line;
        while (*end && *end != '\n')
            end++;
        struct text_buffer part = {0};
        text_buffer_append(&part, line, (size_t)(end - line));
        xml_text_add(svg->out, text_buffer_get(&part));
        text_buffer_fini(&part);
        text_buffer_add(svg->out, *end ? "\n" : "");
        line = *end ? end + 1 : NULL;
    }
    text_buffer_add(svg->out, "</title>\n");
}

void svg_link(struct svg *svg, int x, int y, int length, unsigned lanes)
{
    unsigned thick = lanes >= 16 ? 8 : lanes >= 8 ? 6 : lanes >= 4 ? 4 : lanes >= 2 ? 3 : 2;
    text_buffer_format(svg->out,
                       "<path d=\"M%d %dv%d\" stroke=\"#444\" stroke-width=\"%u\" fill=\"none\"/>\n", x, y,
                       length, thick);
}

/* Shadows of the boxes behind. */
static void stack(struct svg *svg, const struct draw_box *box)
{
    if (box->instances == 1)
        return;
    text_buffer_add(svg->out, "<g class=\"stack\">\n");
    for (int i = 2; i > 0; i--) {
        int shift = i * STACK_STEP;
        svg_rectangle(svg, box->x * DRAW_CELL + shift, box->y * DRAW_CELL + shift, box->width * DRAW_CELL,
                      box->height * DRAW_CELL, "rx=\"3\" fill=\"#fff\" stroke=\"#777\"");
    }
    text_buffer_add(svg->out, "</g>\n");
}

/* A pill with text, ending at `right`. @return where it begins */
static int pill(struct svg *svg, int right, int base, const char *text, const char *fill, const char *ink)
{
    char style[64];
    int width = (int)text_width(text, small_bold) + 8;
    snprintf(style, sizeof(style), "rx=\"6\" fill=\"%s\" stroke=\"#555\" stroke-width=\"0.7\"", fill);
    svg_rectangle(svg, right - width, base - 10, width, LINE, style);
    snprintf(style, sizeof(style), "text-anchor=\"middle\" fill=\"%s\"", ink);
    svg_text(svg, (struct svg_place){right - width / 2, base, width, style}, small_bold, text);
    return right - width;
}

/* "x8", "group 4" at the right end. @return where they begin */
static int pills(struct svg *svg, const struct draw_box *box, int base, bool grouped)
{
    int right = (box->x + box->width) * DRAW_CELL - PADDING + 1;
    struct text_buffer text = {0};
    if (grouped) {
        draw_words_group(svg->drawing, box, &text);
        right = pill(svg, right, base, text_buffer_get(&text), "#fff", "#111") - 3;
        text_buffer_fini(&text);
    }
    if (box->instances > 1) {
        text_buffer_format(&text, "\xc3\x97%u", box->instances);
        right = pill(svg, right, base, text_buffer_get(&text), "#333", "#fff") - 3;
        text_buffer_fini(&text);
    }
    return right;
}

/* Functions of several groups in one box: the colours of the first few at its left side. */
static void bands(struct svg *svg, const struct draw_box *box, int height)
{
    int count = box->count < BANDS ? (int)box->count : BANDS;
    for (int i = 0; i < count; i++) {
        uint32_t group = svg->drawing->groups->decisions[box->ids[i]].group;
        char style[64];
        int from = height * i / count, to = height * (i + 1) / count;
        if (group == NONE)
            continue;
        snprintf(style, sizeof(style), "fill=\"%s\" stroke=\"#555\" stroke-width=\"0.5\"",
                 svg->colours[group].fill);
        svg_rectangle(svg, box->x * DRAW_CELL, box->y * DRAW_CELL + from, PADDING, to - from, style);
    }
}

static uint64_t hub_pairs(const struct drawing *drawing, uint32_t box)
{
    uint64_t pairs = 0;
    for (uint32_t i = 0; i < drawing->arrow_count; i++) {
        if (drawing->arrows[i].hub && drawing->arrows[i].to == box)
            pairs += drawing->arrows[i].forward;
    }
    return pairs;
}

/* "20 leaks meet here", ending at `right`. @return where it begins */
static int hub_sign(struct svg *svg, uint32_t index, int right, int base)
{
    uint64_t pairs = hub_pairs(svg->drawing, index);
    if (!pairs)
        return right;
    struct text_buffer text = {0};
    text_buffer_format(&text, "%" PRIu64 " leaks meet here", pairs);
    right = pill(svg, right, base, text_buffer_get(&text), "#fff", "#c00020") - 3;
    text_buffer_fini(&text);
    return right;
}

static bool tells_isolation(const struct drawing *drawing, const struct draw_box *box)
{
    const struct pci_function *function = &drawing->groups->topology->functions[box->ids[0]];
    bool in_slot = drawing->boxes[box->parent].kind == DRAW_SLOT;
    return drawing->groups->platform.enabled && (function_is_bridge(function) || in_slot) &&
           !function_is_type(function, PCIE_UPSTREAM_PORT);
}

/* The third line: name, and at its end what decides groups. */
static void name_line(struct svg *svg, const struct draw_box *box, int x, int right)
{
    const struct drawing *drawing = svg->drawing;
    uint32_t id = box->ids[0];
    const struct pci_function *function = &drawing->groups->topology->functions[id];
    int base = box->y * DRAW_CELL + NAME_BASE;
    if (tells_isolation(drawing, box)) {
        const struct acs_verdict *verdict = &drawing->groups->verdicts[id];
        bool proven = verdict->isolated && verdict->reason != ACS_REASON_OVERRIDE;
        const char *word = proven ? "isolates" : verdict->isolated ? "overridden" : "no isolation";
        struct svg_place end = {x, base, right - x, proven ? "fill=\"#333\"" : "fill=\"#8b0000\""};
        right -= svg_text_right(svg, end, proven ? small : small_bold, word) + PADDING;
    }
    right = hub_sign(svg, (uint32_t)(box - drawing->boxes), right, base);
    const char *name = draw_words_name(function);
    struct text_buffer link = {0};
    if (name)
        svg_text(svg, (struct svg_place){x, base, right - x, "fill=\"#333\""}, small, name);
    else if (function_leads_to_link(function) && box->first_child == NONE &&
             draw_words_link(drawing, function, &link))
        svg_text(svg, (struct svg_place){x, base, right - x, "fill=\"#333\""}, small, text_buffer_get(&link));
    text_buffer_fini(&link);
}

/* The second line: ids and class; the unit where it is not the usual one. */
static void ids_line(struct svg *svg, const struct draw_box *box, int x, int right)
{
    const struct drawing *drawing = svg->drawing;
    const struct topology *topology = drawing->groups->topology;
    uint32_t id = box->ids[0], unit = drawing->groups->coverage->functions[id].unit;
    int base = box->y * DRAW_CELL + IDS_BASE;
    uint32_t bridge = topology->buses[topology->functions[id].bus_id].host_bridge_id;
    if (unit != NONE && unit != draw_words_usual_unit(drawing, bridge)) {
        char word[32];
        snprintf(word, sizeof(word), "unit %u", unit);
        right -= svg_text_right(svg, (struct svg_place){x, base, right - x, ""}, small_bold, word) + PADDING;
    }
    struct text_buffer text = {0};
    draw_words_ids(&topology->functions[id], &text);
    svg_text(svg, (struct svg_place){x, base, right - x, ""}, small, text_buffer_get(&text));
    text_buffer_fini(&text);
}

static void function_face(struct svg *svg, const struct draw_box *box)
{
    const struct pci_function *function = &svg->drawing->groups->topology->functions[box->ids[0]];
    int left = box->x * DRAW_CELL, top = box->y * DRAW_CELL;
    int height = box->header * DRAW_CELL, x = left + PADDING, right = left + box->width * DRAW_CELL - PADDING;
    uint32_t group = draw_words_one_group(svg->drawing, box);
    bool several = group == NONE && svg->drawing->groups->decisions[box->ids[0]].group != NONE;
    if (several) {
        svg_rectangle(svg, left, top, box->width * DRAW_CELL, height,
                      "rx=\"3\" fill=\"#fff\" stroke=\"#555\"");
        bands(svg, box, height);
        x += PADDING;
    } else {
        svg_group_rectangle(svg, left, top, box->width * DRAW_CELL, height, group);
    }
    int end = pills(svg, box, top + TITLE_BASE, true);
    struct text_buffer text = {0};
    draw_words_address(svg->drawing, box, &text);
    svg_text(svg, (struct svg_place){x, top + TITLE_BASE, end - x, ""}, address_font, text_buffer_get(&text));
    int after = x + (int)text_width(text_buffer_get(&text), address_font) + PADDING;
    const char *kind = function->is_vf ? "virtual function" : function_kind_name(function);
    svg_text(svg, (struct svg_place){after, top + TITLE_BASE, end - after, "fill=\"#333\""}, small, kind);
    text_buffer_fini(&text);
    ids_line(svg, box, x, right);
    name_line(svg, box, x, right);
}

/* Between a port and what is below: the link. */
static void link_line(struct svg *svg, const struct draw_box *box)
{
    const struct draw_box *child = &svg->drawing->boxes[box->first_child];
    const struct pci_function *port = &svg->drawing->groups->topology->functions[box->ids[0]];
    int x = box->x * DRAW_CELL + 2 * LINK_X, top = (box->y + box->header) * DRAW_CELL;
    struct text_buffer text = {0};
    bool known = draw_words_link(svg->drawing, port, &text);
    unsigned lanes = port->link.width;
    if (!lanes && child->kind == DRAW_FUNCTION)
        lanes = svg->drawing->groups->topology->functions[child->ids[0]].link.width;
    svg_link(svg, x, top, child->y * DRAW_CELL - top, lanes);
    svg_text(svg,
             (struct svg_place){x + 8, top + 16, box->width * DRAW_CELL - 2 * LINK_X - 8 - PADDING,
                                "fill=\"#333\""},
             small, known ? text_buffer_get(&text) : "link");
    text_buffer_fini(&text);
}

/* One line: a slot, a host bridge, the root complex. */
static void plain_face(struct svg *svg, const struct draw_box *box, uint32_t index)
{
    int x = box->x * DRAW_CELL + PADDING, base = box->y * DRAW_CELL + (box->kind == DRAW_SLOT ? 12 : 16);
    struct text_font font = box->kind == DRAW_SLOT ? small_bold : address_font;
    struct text_buffer text = {0};
    int end = pills(svg, box, base, false);
    end = hub_sign(svg, index, end, base);
    draw_words_address(svg->drawing, box, &text);
    svg_text(svg, (struct svg_place){x, base, end - x, ""}, font, text_buffer_get(&text));
    text_buffer_fini(&text);
    if (box->kind == DRAW_HOST_BRIDGE) {
        draw_words_host_bridge(svg->drawing, box, &text);
        svg_text(svg,
                 (struct svg_place){x, base + LINE, box->width * DRAW_CELL - 2 * PADDING, "fill=\"#333\""},
                 small, text_buffer_get(&text));
        text_buffer_fini(&text);
    }
}

static const char *class_of(enum draw_kind kind)
{
    static const char *const names[] = {"root-complex", "host-bridge", "slot", "function"};
    return names[kind];
}

/* Who a box is, for style sheets and scripts: ids without the colons that selectors would trip over. */
static void add_identity(struct svg *svg, const struct draw_box *box)
{
    const struct topology *topology = svg->drawing->groups->topology;
    text_buffer_format(svg->out, "<g class=\"%s", class_of(box->kind));
    if (box->kind == DRAW_ROOT_COMPLEX) {
        text_buffer_add(svg->out, "\" id=\"root-complex\"");
        return;
    }
    if (box->kind == DRAW_HOST_BRIDGE) {
        const struct host_bridge *host = &topology->host_bridges[box->ids[0]];
        text_buffer_format(svg->out, "\" id=\"host-%04x-%02x\"", host->segment, host->bus_start);
        return;
    }
    const struct pci_function *first = &topology->functions[box->ids[0]];
    if (box->kind == DRAW_SLOT) {
        text_buffer_format(svg->out, "\" id=\"slot-%04x-%02x-%02x\"", first->segment, first->bus,
                           pci_slot(first->devfn));
        return;
    }
    text_buffer_format(svg->out, " %s", function_kind_name(first));
    for (uint32_t i = 0, last = NONE; i < box->count; i++) {
        uint32_t group = svg->drawing->groups->decisions[box->ids[i]].group;
        if (group != NONE && group != last)
            text_buffer_format(svg->out, " group-%u", group);
        last = group;
    }
    text_buffer_format(svg->out, "\" id=\"function-%04x-%02x-%02x-%x\"", first->segment, first->bus,
                       pci_slot(first->devfn), pci_func(first->devfn));
}

static void open_box(struct svg *svg, const struct draw_box *box)
{
    add_identity(svg, box);
    if (box->kind == DRAW_FUNCTION) {
        text_buffer_add(svg->out, " data-functions=\"");
        for (uint32_t i = 0; i < box->count; i++) {
            char bdf[BDF_TEXT_SIZE];
            text_buffer_format(svg->out, "%s%s", i ? " " : "",
                               group_words_address(svg->drawing->groups->topology, box->ids[i], bdf));
        }
        text_buffer_add(svg->out, "\"");
    }
    text_buffer_add(svg->out, ">\n");
    struct text_buffer detail = {0};
    draw_words_detail(svg->drawing, box, &detail);
    svg_tooltip(svg, text_buffer_get(&detail));
    text_buffer_fini(&detail);
}

void svg_box(struct svg *svg, uint32_t index)
{
    static const char *const bodies[] = {
        [DRAW_ROOT_COMPLEX] = "rx=\"6\" fill=\"#eef0f3\" stroke=\"#333\"",
        [DRAW_HOST_BRIDGE] = "rx=\"5\" fill=\"#fafbfc\" stroke=\"#333\"",
        [DRAW_SLOT] = "rx=\"4\" fill=\"#e4e6ea\" stroke=\"#777\"",
        [DRAW_FUNCTION] = "rx=\"4\" fill=\"#f6f7f9\" stroke=\"#555\"",
    };
    const struct draw_box *box = &svg->drawing->boxes[index];
    open_box(svg, box);
    stack(svg, box);
    svg_rectangle(svg, box->x * DRAW_CELL, box->y * DRAW_CELL, box->width * DRAW_CELL,
                  box->height * DRAW_CELL, bodies[box->kind]);
    if (box->kind == DRAW_FUNCTION)
        function_face(svg, box);
    else
        plain_face(svg, box, index);
    if (box->kind == DRAW_FUNCTION && box->first_child != NONE &&
        function_leads_to_link(&svg->drawing->groups->topology->functions[box->ids[0]]))
        link_line(svg, box);
    for (uint32_t child = box->first_child; child != NONE; child = svg->drawing->boxes[child].next_sibling)
        svg_box(svg, child);
    text_buffer_add(svg->out, "</g>\n");
}
