/* SPDX-License-Identifier: MIT */
#include "sim/output/draw.h"

#include "sim/base/arena.h"
#include "sim/output/draw_colours.h"
#include "sim/output/draw_words.h"

#include <inttypes.h>
#include <stdio.h>

/** A graph while it is written. */
struct dot {
    const struct drawing *drawing;
    const struct draw_colour *colours;
    struct text_buffer *out;
};

/* Text of a quoted string; line ends become those of Graphviz. */
static void quoted(struct dot *dot, const char *text)
{
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '\n')
            text_buffer_add(dot->out, "\\n");
        else if (byte == '"' || byte == '\\')
            text_buffer_format(dot->out, "\\%c", byte);
        else if (byte < ' ' || byte == 0x7f)
            text_buffer_add(dot->out, "?");
        else
            text_buffer_append(dot->out, text, 1);
    }
}

static void label(struct dot *dot, const char *key, struct text_buffer *text)
{
    text_buffer_format(dot->out, "%s=\"", key);
    quoted(dot, text_buffer_get(text));
    text_buffer_add(dot->out, "\"");
    text_buffer_fini(text);
}

static void node(struct dot *dot, uint32_t index)
{
    const struct draw_box *box = &dot->drawing->boxes[index];
    const struct pci_function *function = &dot->drawing->groups->topology->functions[box->ids[0]];
    uint32_t group = draw_words_one_group(dot->drawing, box);
    struct text_buffer text = {0};
    draw_words_address(dot->drawing, box, &text);
    if (box->instances > 1)
        text_buffer_format(&text, " (x%u)", box->instances);
    text_buffer_format(&text, "\n%s, ", function->is_vf ? "virtual function" : function_kind_name(function));
    draw_words_group(dot->drawing, box, &text);
    text_buffer_add(&text, "\n");
    draw_words_ids(function, &text);
    if (draw_words_name(function))
        text_buffer_format(&text, "\n%s", draw_words_name(function));
    text_buffer_format(dot->out, "n%u [", index);
    label(dot, "label", &text);
    draw_words_detail(dot->drawing, box, &text);
    text_buffer_add(dot->out, ", ");
    label(dot, "tooltip", &text);
    if (group == NONE)
        text_buffer_add(dot->out, ", style=\"filled,dashed\", fillcolor=\"#ffffff\"];\n");
    else
        text_buffer_format(dot->out, ", fillcolor=\"%s\"];\n", dot->colours[group].fill);
}

/* The node an edge from or to a box begins or ends at: its own, or the first in it; NONE: an empty one. */
static uint32_t anchor(const struct drawing *drawing, uint32_t index)
{
    while (drawing->boxes[index].kind != DRAW_FUNCTION) {
        index = drawing->boxes[index].first_child;
        if (index == NONE)
            break;
    }
    return index;
}

static void edge_from_above(struct dot *dot, uint32_t index)
{
    const struct drawing *drawing = dot->drawing;
    uint32_t above = drawing->boxes[index].parent;
    while (above != NONE && drawing->boxes[above].kind != DRAW_FUNCTION)
        above = drawing->boxes[above].parent;
    if (above == NONE)
        return;
    const struct pci_function *port = &drawing->groups->topology->functions[drawing->boxes[above].ids[0]];
    text_buffer_format(dot->out, "n%u -> n%u [arrowhead=none", above, index);
    struct text_buffer text = {0};
    if (function_leads_to_link(port) && draw_words_link(drawing, port, &text)) {
        text_buffer_add(dot->out, ", ");
        label(dot, "label", &text);
    }
    text_buffer_add(dot->out, "];\n");
}

static void subgraph(struct dot *dot, uint32_t index)
{
    const struct draw_box *box = &dot->drawing->boxes[index];
    bool cluster = box->kind != DRAW_FUNCTION;
    if (cluster) {
        struct text_buffer text = {0};
        draw_words_address(dot->drawing, box, &text);
        if (box->kind == DRAW_HOST_BRIDGE) {
            text_buffer_add(&text, "\n");
            draw_words_host_bridge(dot->drawing, box, &text);
        }
        if (box->instances > 1)
            text_buffer_format(&text, " (x%u)", box->instances);
        text_buffer_format(dot->out, "subgraph cluster%u {\n", index);
        label(dot, "label", &text);
        text_buffer_add(dot->out, ";\n");
    } else {
        node(dot, index);
    }
    for (uint32_t child = box->first_child; child != NONE; child = dot->drawing->boxes[child].next_sibling)
        subgraph(dot, child);
    if (cluster)
        text_buffer_add(dot->out, "}\n");
}

static void leak(struct dot *dot, const struct draw_arrow *arrow)
{
    uint32_t from = anchor(dot->drawing, arrow->from), to = anchor(dot->drawing, arrow->to);
    if (from == NONE || to == NONE || (arrow->hub && arrow->from == arrow->to))
        return;
    struct text_buffer words = {0};
    draw_words_arrow(dot->drawing, arrow, &words);
    text_buffer_format(dot->out, "n%u -> n%u [", from, to);
    label(dot, "tooltip", &words);
    if (dot->drawing->boxes[arrow->from].kind != DRAW_FUNCTION)
        text_buffer_format(dot->out, ", ltail=cluster%u", arrow->from);
    if (dot->drawing->boxes[arrow->to].kind != DRAW_FUNCTION)
        text_buffer_format(dot->out, ", lhead=cluster%u", arrow->to);
    uint64_t pairs = arrow->forward > arrow->backward ? arrow->forward : arrow->backward;
    if (pairs > 1)
        text_buffer_format(dot->out, ", label=\"%" PRIu64 " leaks\"", pairs);
    text_buffer_format(dot->out,
                       ", dir=%s, color=\"#c00020\", fontcolor=\"#c00020\", style=dashed, "
                       "constraint=false];\n",
                       arrow->forward && arrow->backward ? "both"
                       : arrow->forward                  ? "forward"
                                                         : "back");
}

void draw_dot(const struct drawing *drawing, const struct draw_title *title, struct text_buffer *out)
{
    struct arena *arena = arena_new();
    struct dot dot = {drawing, draw_colours(drawing->groups, arena), out};
    struct text_buffer text = {0};
    text_buffer_add(out, "digraph machine {\n");
    text_buffer_format(&text, "%s\n", title->file);
    draw_words_counts(drawing, &text);
    text_buffer_add(&text, "\nIOMMU ");
    draw_words_iommu(drawing, &text);
    text_buffer_format(&text, "; groups by the rules of %s; command line: %s; %" PRIu64 " leaks",
                       group_algorithm_name(drawing->groups->platform.algorithm),
                       title->cmdline && *title->cmdline ? title->cmdline : "none stated", drawing->leaks);
    label(&dot, "label", &text);
    text_buffer_add(out, ";\nlabelloc=t; labeljust=l; compound=true; rankdir=LR; ranksep=0.4; nodesep=0.1;\n"
                         "fontname=\"Helvetica\";\n"
                         "node [shape=box, style=filled, fontname=\"Helvetica\", fontsize=10];\n"
                         "edge [fontname=\"Helvetica\", fontsize=9];\n");
    for (uint32_t i = drawing->boxes[0].first_child; i != NONE; i = drawing->boxes[i].next_sibling)
        subgraph(&dot, i);
    for (uint32_t i = 1; i < drawing->box_count; i++) {
        if (drawing->boxes[i].kind == DRAW_FUNCTION)
            edge_from_above(&dot, i);
    }
    for (uint32_t i = 0; i < drawing->arrow_count; i++)
        leak(&dot, &drawing->arrows[i]);
    text_buffer_add(out, "}\n");
    arena_free(arena);
}
