/* SPDX-License-Identifier: MIT */
/* Pictures, read back: every function is there once, boxes lie in their parents and nowhere on each other,
 * text in its box, and the arrows are the leaks. */
#include "sim/output/draw.h"
#include "sim/output/text_width.h"
#include "tests/unit/fabric_fixture.h"
#include "tests/unit/random_machine.h"
#include "tests/unit/xml_reader.h"

#include <sys/wait.h>
#include <unistd.h>

Suite *draw_suite(void);

static const char override_all[] = "intel_iommu=on pcie_acs_override=downstream,multifunction";

/** A machine drawn. */
struct picture {
    struct topology *topology;
    struct diagnostics *diagnostics;
    struct iommu_groups *groups;
    struct drawing *drawing;
    struct text_buffer svg;
};

static struct picture draw_topology(struct topology *topology, const char *cmdline,
                                    enum draw_collapse collapse)
{
    struct picture picture = {.topology = topology, .diagnostics = diagnostics_new(5)};
    picture.groups = iommu_groups_form(topology, IOMMU_CHOICE_VT_D, cmdline, picture.diagnostics);
    picture.drawing = drawing_new(picture.groups, reach_new(topology->arena, picture.groups), collapse);
    draw_svg(picture.drawing, &(struct draw_title){"<test> & \"co\"", cmdline}, &picture.svg);
    return picture;
}

static struct picture draw(const char *machine, const char *cmdline, enum draw_collapse collapse)
{
    return draw_topology(fixture_machine(machine), cmdline, collapse);
}

static void picture_free(struct picture *picture)
{
    text_buffer_fini(&picture->svg);
    drawing_free(picture->drawing);
    iommu_groups_free(picture->groups);
    diagnostics_free(picture->diagnostics);
    topology_free(picture->topology);
}

/** A rectangle, ends exclusive. */
struct area {
    int left, top, right, bottom;
};

static struct area area_of(const struct xml_element *rectangle)
{
    int x = xml_number(rectangle, "x"), y = xml_number(rectangle, "y");
    return (struct area){x, y, x + xml_number(rectangle, "width"), y + xml_number(rectangle, "height")};
}

static bool contains(struct area outer, struct area inner)
{
    return outer.left <= inner.left && inner.right <= outer.right && outer.top <= inner.top &&
           inner.bottom <= outer.bottom;
}

static bool overlap(struct area a, struct area b)
{
    return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

static bool is_box(const struct xml_element *element)
{
    static const char *const classes[] = {"root-complex", "host-bridge", "slot", "function"};
    const char *class = xml_attribute(element, "class");
    for (int i = 0; i < 4 && class; i++) {
        if (strcmp(element->name, "g") == 0 && strcmp(class, classes[i]) == 0)
            return true;
    }
    return false;
}

/* The first rectangle right in a box is its outline. */
static struct area outline(const struct xml_document *document, int box)
{
    for (int i = box + 1; i < document->count; i++) {
        if (document->elements[i].parent == box && strcmp(document->elements[i].name, "rect") == 0)
            return area_of(&document->elements[i]);
    }
    ck_abort_msg("a box without outline");
    return (struct area){0};
}

static void check_boxes(const struct xml_document *document, const char *machine)
{
    for (int i = 0; i < document->count; i++) {
        const struct xml_element *box = &document->elements[i];
        if (!is_box(box))
            continue;
        struct area own = outline(document, i);
        if (is_box(&document->elements[box->parent]))
            ck_assert_msg(contains(outline(document, box->parent), own), "%s: outside its parent", machine);
        for (int k = 0; k < i; k++) {
            if (document->elements[k].parent == box->parent && is_box(&document->elements[k]))
                ck_assert_msg(!overlap(outline(document, k), own), "%s: siblings overlap", machine);
        }
    }
}

static struct area text_area(const struct xml_element *text)
{
    const char *anchor = xml_attribute(text, "text-anchor");
    unsigned size = (unsigned)xml_number(text, "font-size");
    int width = (int)text_width(text->text, (struct text_font){size, xml_attribute(text, "font-weight")});
    int x = xml_number(text, "x"), y = xml_number(text, "y");
    x -= !anchor ? 0 : strcmp(anchor, "end") == 0 ? width : width / 2;
    return (struct area){x, y - (int)size * 3 / 4, x + width, y + 1};
}

/* Text lies in its box, and not on text of the same box. */
static void check_texts(const struct xml_document *document, const char *machine)
{
    for (int i = 0; i < document->count; i++) {
        const struct xml_element *text = &document->elements[i];
        if (strcmp(text->name, "text") != 0 || !is_box(&document->elements[text->parent]))
            continue;
        struct area own = text_area(text);
        ck_assert_msg(contains(outline(document, text->parent), own), "%s: \"%s\" sticks out", machine,
                      text->text);
        for (int k = text->parent + 1; k < i; k++) {
            const struct xml_element *other = &document->elements[k];
            if (strcmp(other->name, "text") == 0 && other->parent == text->parent)
                ck_assert_msg(!overlap(text_area(other), own), "%s: \"%s\" on \"%s\"", machine, text->text,
                              other->text);
        }
    }
}

/* Every address stands in one data-functions, and nothing else does. */
static void check_functions(const struct xml_document *document, const struct topology *topology)
{
    uint32_t found = 0;
    bool *seen = memory_array(topology->function_count, sizeof(seen[0]));
    for (int i = 0; i < document->count; i++) {
        const char *list = xml_attribute(&document->elements[i], "data-functions");
        for (char *copy = list ? strdup(list) : NULL, *word = copy; word;) {
            char *end = strchr(word, ' ');
            if (end)
                *end = '\0';
            uint32_t id = fixture_function((struct topology *)topology, word)->id;
            ck_assert_msg(!seen[id], "%s stands twice", word);
            seen[id] = true;
            found++;
            word = end ? end + 1 : NULL;
            if (!word)
                free(copy);
        }
    }
    ck_assert_uint_eq(found, topology->function_count);
    free(seen);
}

static int compare_words(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Whatever has a class, but for decoration, has an id of its own; functions also say their kind and groups.
 */
static void check_ids(const struct xml_document *document)
{
    const char **ids = memory_array((size_t)document->count + 1, sizeof(*ids));
    size_t count = 0;
    for (int i = 0; i < document->count; i++) {
        const char *class = xml_attribute(&document->elements[i], "class"),
                   *id = xml_attribute(&document->elements[i], "id");
        if (!class || strcmp(class, "stack") == 0)
            continue;
        ck_assert_msg(id != NULL, "a %s without id", class);
        if (strncmp(class, "function", 8) == 0)
            ck_assert_msg(strchr(class, ' ') != NULL && strncmp(id, "function-", 9) == 0, "%s: %s", id,
                          class);
        ids[count++] = id;
    }
    qsort(ids, count, sizeof(*ids), compare_words);
    for (size_t i = 1; i < count; i++)
        ck_assert_msg(strcmp(ids[i], ids[i - 1]) != 0, "%s stands twice", ids[i]);
    ck_assert_uint_gt(count, 2);
    free(ids);
}

/* Is `box` drawn for function `id`, or around it? */
static bool stands_for(const struct drawing *drawing, uint32_t box, uint32_t id)
{
    for (uint32_t at = drawing->box_of[id]; at != NONE; at = drawing->boxes[at].parent) {
        if (at == box)
            return true;
    }
    return false;
}

static bool is_drawn(const struct drawing *drawing, uint32_t source, uint32_t target)
{
    bool leaves = false, arrives = false;
    for (uint32_t i = 0; i < drawing->arrow_count; i++) {
        const struct draw_arrow *arrow = &drawing->arrows[i];
        if (arrow->hub) {
            leaves |= arrow->forward && stands_for(drawing, arrow->from, source) &&
                      stands_for(drawing, arrow->to, target);
            arrives |= arrow->backward && stands_for(drawing, arrow->from, target) &&
                       stands_for(drawing, arrow->to, source);
        } else if ((arrow->forward && stands_for(drawing, arrow->from, source) &&
                    stands_for(drawing, arrow->to, target)) ||
                   (arrow->backward && stands_for(drawing, arrow->to, source) &&
                    stands_for(drawing, arrow->from, target))) {
            return true;
        }
    }
    return leaves && arrives;
}

static void check_leaks(const struct picture *picture, const char *machine)
{
    const struct drawing *drawing = picture->drawing;
    uint64_t leaks = 0, drawn = 0, into_hubs = 0;
    for (uint32_t s = 0; s < picture->topology->function_count; s++) {
        for (uint32_t t = 0; t < picture->topology->function_count; t++) {
            struct reach_result result = reach_pair(drawing->reach, s, t);
            if (reach_leak(picture->groups, &result, s, t) != REACH_LEAK)
                continue;
            leaks++;
            ck_assert_msg(is_drawn(drawing, s, t), "%s: no arrow for %u -> %u", machine, s, t);
        }
    }
    for (uint32_t i = 0; i < drawing->arrow_count; i++) {
        const struct draw_arrow *arrow = &drawing->arrows[i];
        drawn += arrow->forward + (arrow->hub ? 0 : arrow->backward);
        into_hubs += arrow->hub ? arrow->backward - arrow->forward : 0; /* modulo 2^64 */
        ck_assert_msg(arrow->point_count > 0 || (arrow->hub && arrow->from == arrow->to),
                      "%s: an arrow without a way", machine);
    }
    ck_assert_uint_eq(leaks, drawing->leaks);
    ck_assert_uint_eq(leaks, drawn);
    ck_assert_uint_eq(into_hubs, 0);
}

/* Arrows begin and end at their boxes and run over no face of a function. */
static void check_ways(const struct drawing *drawing, const char *machine)
{
    for (uint32_t i = 0; i < drawing->arrow_count; i++) {
        const struct draw_arrow *arrow = &drawing->arrows[i];
        for (uint32_t p = 0; p + 1 < arrow->point_count; p++) {
            struct draw_point a = arrow->points[p], b = arrow->points[p + 1];
            ck_assert_msg(a.x == b.x || a.y == b.y, "%s: an arrow runs aslant", machine);
            struct area way = {a.x < b.x ? a.x : b.x, a.y < b.y ? a.y : b.y, a.x > b.x ? a.x : b.x,
                               a.y > b.y ? a.y : b.y};
            way.right += way.left == way.right;
            way.bottom += way.top == way.bottom;
            for (uint32_t k = 0; k < drawing->box_count; k++) {
                const struct draw_box *box = &drawing->boxes[k];
                struct area face = {box->x * DRAW_CELL + 1, box->y * DRAW_CELL + 1,
                                    (box->x + box->width) * DRAW_CELL - 1,
                                    (box->y + box->header) * DRAW_CELL - 1};
                ck_assert_msg(!overlap(face, way), "%s: an arrow runs over box %u", machine, k);
            }
        }
    }
}

static void check_picture(const struct picture *picture, const char *machine)
{
    struct xml_document *document = xml_read(text_buffer_get(&picture->svg));
    ck_assert_str_eq(document->elements[0].name, "svg");
    check_functions(document, picture->topology);
    check_ids(document);
    check_boxes(document, machine);
    check_texts(document, machine);
    check_leaks(picture, machine);
    check_ways(picture->drawing, machine);
    xml_free(document);
}

START_TEST(random_machines)
{
    enum { MACHINES = 120, MOST = 70 };
    uint64_t leaks = 0;
    for (uint64_t seed = 1; seed <= MACHINES; seed++) {
        char *machine = random_machine_text(seed, 2 + (unsigned)seed % MOST);
        enum draw_collapse collapse = (enum draw_collapse)(seed % 3);
        struct picture picture = draw(machine, seed % 2 ? override_all : NULL, collapse);
        check_picture(&picture, machine);
        leaks += picture.drawing->leaks;
        picture_free(&picture);
        free(machine);
    }
    ck_assert_uint_gt(leaks, 1000); /* there was something to draw */
}
END_TEST

START_TEST(same_input_same_bytes)
{
    char *machine = random_machine_text(7, 60);
    struct picture a = draw(machine, override_all, DRAW_COLLAPSE_AUTO);
    struct picture b = draw(machine, override_all, DRAW_COLLAPSE_AUTO);
    ck_assert_str_eq(text_buffer_get(&a.svg), text_buffer_get(&b.svg));
    struct text_buffer first = {0}, second = {0};
    draw_dot(a.drawing, &(struct draw_title){"x", NULL}, &first);
    draw_dot(b.drawing, &(struct draw_title){"x", NULL}, &second);
    ck_assert_str_eq(first.text, second.text);
    text_buffer_fini(&first);
    text_buffer_fini(&second);
    picture_free(&a);
    picture_free(&b);
    free(machine);
}
END_TEST

static uint32_t boxes_of(const char *machine, enum draw_collapse collapse)
{
    struct picture picture = draw(machine, NULL, collapse);
    uint32_t count = 0;
    for (uint32_t i = 0; i < picture.drawing->box_count; i++)
        count += picture.drawing->boxes[i].kind == DRAW_FUNCTION;
    picture_free(&picture);
    return count;
}

START_TEST(what_becomes_one)
{
    /* Virtual functions from three on; two stay. */
    ck_assert_uint_eq(boxes_of("rp[acs](ep[vf=8,acs])", DRAW_COLLAPSE_AUTO), 3);
    ck_assert_uint_eq(boxes_of("rp[acs](ep[vf=2,acs])", DRAW_COLLAPSE_AUTO), 4);
    ck_assert_uint_eq(boxes_of("rp[acs](ep[vf=8,acs])", DRAW_COLLAPSE_NEVER), 10);
    /* Ports with all that is below, where they are asked for or there are many. */
    ck_assert_uint_eq(boxes_of("rp*4[acs](ep)", DRAW_COLLAPSE_AUTO), 8);
    ck_assert_uint_eq(boxes_of("rp*4[acs](ep)", DRAW_COLLAPSE_ALWAYS), 2);
    ck_assert_uint_eq(boxes_of("rp*10[acs](up[acs](dp*3[acs](ep)))", DRAW_COLLAPSE_AUTO), 4);
    /* Not where something tells them apart: ids, ACS, what is below. */
    ck_assert_uint_eq(boxes_of("rp@1[acs](ep) rp@2[acs](ep[id=8086:1572])", DRAW_COLLAPSE_ALWAYS), 4);
    ck_assert_uint_eq(boxes_of("rp@1[acs](ep) rp@2[noacs](ep)", DRAW_COLLAPSE_ALWAYS), 4);
    ck_assert_uint_eq(boxes_of("rp@1[acs](ep) rp@2[acs]", DRAW_COLLAPSE_ALWAYS), 3);
}
END_TEST

START_TEST(instances_leak_to_each_other)
{
    /* Eight identical endpoints below ports without ACS, believed to be apart: 56 pairs in one loop. */
    struct picture picture = draw("rp[acs](up(dp*8(ep)))", override_all, DRAW_COLLAPSE_ALWAYS);
    ck_assert_uint_eq(picture.drawing->arrow_count, 1);
    const struct draw_arrow *arrow = &picture.drawing->arrows[0];
    ck_assert_uint_eq(arrow->from, arrow->to);
    ck_assert_uint_eq(arrow->forward, 56);
    ck_assert_uint_eq(picture.drawing->boxes[arrow->from].instances, 8);
    ck_assert_ptr_nonnull(strstr(picture.svg.text, ">\xc3\x97"
                                                   "8</text>"));
    picture_free(&picture);
    /* Drawn apart they are too many: all meet at the switch. */
    picture = draw("rp[acs](up(dp*8(ep)))", override_all, DRAW_COLLAPSE_NEVER);
    ck_assert_uint_eq(picture.drawing->arrow_count, 8);
    for (int i = 0; i < 8; i++) {
        ck_assert(picture.drawing->arrows[i].hub);
        ck_assert_uint_eq(picture.drawing->arrows[i].forward, 7);
        ck_assert_uint_eq(picture.drawing->arrows[i].backward, 7);
    }
    ck_assert_ptr_nonnull(strstr(picture.svg.text, ">56 leaks meet here</text>"));
    picture_free(&picture);
}
END_TEST

START_TEST(hostile_names)
{
    struct topology *topology = fixture_machine("rp[acs](ep[driver=nvme])");
    topology->name = "</text><script>\"&'\x01\xff\xed\xa0\x80";
    topology->functions[1].name = "<b>]]> & \"\\\" \xe2\x82\xac \xef\xbf\xbf a name much longer than any box "
                                  "of a function in any picture is wide";
    topology->functions[1].driver = "a\nb\"";
    struct picture picture = draw_topology(topology, "x=\"<\" y=\\", DRAW_COLLAPSE_AUTO);
    check_picture(&picture, "hostile names");
    ck_assert_ptr_null(strstr(picture.svg.text, "<script"));
    ck_assert_ptr_nonnull(strstr(picture.svg.text, "\xe2\x80\xa6</text>"));
    struct text_buffer dot = {0};
    draw_dot(picture.drawing, &(struct draw_title){"a\"b\\", "x=\"\n"}, &dot);
    /* Quotes are in pairs once those behind a backslash are gone, and no line ends in one. */
    bool quoted = false;
    for (const char *at = dot.text; *at; at++) {
        if (*at == '\\')
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else
            ck_assert_msg(!quoted || *at != '\n', "a line ends in a string: %s", dot.text);
    }
    ck_assert(!quoted);
    text_buffer_fini(&dot);
    picture_free(&picture);
}
END_TEST

START_TEST(widths)
{
    static const struct text_font plain = {10, false}, bold = {10, true};
    struct text_buffer out = {0};
    ck_assert_uint_eq(text_width("", plain), 0);
    ck_assert_uint_eq(text_width("00", plain), 13); /* 2 * 0.64 * 10, rounded up */
    ck_assert_uint_gt(text_width("group", bold), text_width("group", plain));
    ck_assert_uint_eq(text_width("\xe2\x82\xac", plain), 10);
    ck_assert(text_fit("0000", plain, text_width("0000", plain), &out));
    ck_assert_str_eq(text_buffer_get(&out), "0000");
    text_buffer_fini(&out);
    for (unsigned room = 0; room < 80; room++) {
        bool whole = text_fit("a \xe2\x82\xac of words", bold, room, &out);
        ck_assert_uint_le(text_width(text_buffer_get(&out), bold), room);
        ck_assert(whole == (room >= text_width("a \xe2\x82\xac of words", bold)));
        text_buffer_fini(&out);
    }
}
END_TEST

START_TEST(exit_status_tells)
{
    static const struct {
        const char *arguments;
        int status;
    } cases[] = {
        {"'synthetic:rp(ep)'", 0},
        {"'synthetic:rp(ep)' --format dot", 0},
        {"'synthetic:rp(ep)' -f svg --collapse never -i none -a acs-rework-v3 -s optimistic", 0},
        {"'synthetic:rp(ep)' -f png", 2},
        {"'synthetic:rp(ep)' --collapse maybe", 2},
        {"'synthetic:rp(ep)' --iommu vtd", 2},
        {"'synthetic:rp(ep)' more", 2},
        {"'synthetic:rp(('", 2},
        {"/nonexistent/machine", 3},
        {"'synthetic:rp(ep)' -o /nonexistent/picture.svg", 3},
        {"", 2},
        {"--help", 0},
    };
    const char *program = getenv("IOMMUSIM");
    if (!program)
        return;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char command[512];
        snprintf(command, sizeof(command), "%s draw %s >/dev/null 2>&1", program, cases[i].arguments);
        int status = system(command);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == cases[i].status, "%s: %d", command,
                      WEXITSTATUS(status));
    }
}
END_TEST

Suite *draw_suite(void)
{
    Suite *suite = suite_create("draw");
    TCase *tests = tcase_create("draw");
    tcase_add_test(tests, random_machines);
    tcase_add_test(tests, same_input_same_bytes);
    tcase_add_test(tests, what_becomes_one);
    tcase_add_test(tests, instances_leak_to_each_other);
    tcase_add_test(tests, hostile_names);
    tcase_add_test(tests, widths);
    tcase_add_test(tests, exit_status_tells);
    suite_add_tcase(suite, tests);
    return suite;
}
