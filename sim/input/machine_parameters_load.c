/* SPDX-License-Identifier: MIT */
/* First the values for the whole machine (parameter_set.h says in which order), then what stands at single
 * functions and units. */
#include "sim/input/machine_parameters_load.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/function_registers.h"
#include "sim/input/preset.h"

#include <stdlib.h>
#include <string.h>

struct loading {
    struct machine_input *input;
    struct arena *arena;
    const struct json_document *document;
    const char *path;
    struct text_buffer *content;
    struct diagnostics *diagnostics;
    struct parameter_set *set;
    struct parameter_origin *origins;
    size_t origin_count, origin_capacity;
    int status; /* first failure */
};

static struct parameter_origin make_origin(struct loading *loading, const char *owner, const char *section,
                                           const struct field *field, const void *parameters,
                                           const struct field_origin *origin)
{
    char value[FIELD_TEXT_SIZE];
    field_print(value, sizeof(value), field, parameters);
    return (struct parameter_origin){
        .pointer = arena_format(loading->arena, "%s/%s/%s", owner, section, field->name),
        .value = arena_string(loading->arena, value),
        .from = origin->from,
        .source = origin->source,
    };
}

/* Origins of all fields that have one. */
static void add_origins(struct loading *loading, const char *owner, const char *section,
                        enum parameter_section which, const void *parameters,
                        const struct field_origin *origins)
{
    const struct field_table *table = parameter_table(which);
    for (size_t i = 0; i < table->count; i++) {
        if (!origins[i].from)
            continue;
        loading->origins = memory_grow(loading->origins, loading->origin_count, &loading->origin_capacity,
                                       sizeof(*loading->origins));
        loading->origins[loading->origin_count++] =
            make_origin(loading, owner, section, &table->fields[i], parameters, &origins[i]);
    }
}

/* What a unit of each kind would get, and from where. */
static void note_unit_defaults(struct loading *loading)
{
    struct machine_input *input = loading->input;
    input->unit_defaults = arena_array(loading->arena, IOMMU_KINDS, sizeof(*input->unit_defaults));
    input->unit_default_origins = arena_array(loading->arena, IOMMU_KINDS, sizeof(struct parameter_origin *));
    for (unsigned kind = 0; kind < IOMMU_KINDS; kind++) {
        const struct parameter_values *values = &loading->set->iommu[kind];
        input->unit_defaults[kind] = values->iommu;
        input->unit_default_origins[kind] =
            arena_array(loading->arena, iommu_fields.count, sizeof(**input->unit_default_origins));
        for (size_t i = 0; i < iommu_fields.count; i++)
            input->unit_default_origins[kind][i] = make_origin(
                loading, "/parameters", "iommu", &iommu_fields.fields[i], values, &values->origins[i]);
    }
}

static void note_failure(struct loading *loading, int status)
{
    if (status < 0 && loading->status == STATUS_OK)
        loading->status = status;
}

/* Remember a carried preset: who writes the machine down can name it again. */
static void remember_preset(struct loading *loading, const char *name)
{
    struct machine_input *input = loading->input;
    if (input && preset_is_carried(name))
        input->presets[input->preset_count++] = arena_string(loading->arena, name);
}

/* Lay one kind of unit's own preset over what it has so far. */
static void apply_kind_preset(struct loading *loading, unsigned kind)
{
    struct parameter_set *own = memory_alloc(sizeof(*own));
    *own = *loading->set;
    note_failure(loading,
                 preset_apply(own, iommu_kind_names[kind], NULL, loading->arena, NULL, loading->diagnostics));
    loading->set->iommu[kind] = own->iommu[kind];
    free(own);
}

/* @param node  what names the preset, or NULL */
static void apply_preset(struct loading *loading, const char *name, const struct json_node *node)
{
    int status = preset_apply(loading->set, name, loading->path, loading->arena, loading->content,
                              loading->diagnostics);
    note_failure(loading, status);
    if (status < 0 && node)
        json_remark(node, DIAGNOSTIC_NOTE, "preset-named-here", "the preset is named here");
    if (strcmp(name, "default") == 0) {
        for (unsigned kind = IOMMU_VT_D; kind < IOMMU_KINDS; kind++)
            apply_kind_preset(loading, kind);
    }
}

/* The preset a node of the file names, or NULL after a diagnostic at its place. */
static const char *named_preset(struct loading *loading, const struct json_node *node)
{
    const char *name = json_expect_string(node, "the name of a preset");
    if (!name || preset_is_known(name))
        return name;
    char *near = preset_nearest(name);
    if (near)
        json_error(node, "preset-unknown", "unknown preset \"%s\", did you mean \"%s\"?", name, near);
    else
        json_error(node, "preset-unknown",
                   "unknown preset \"%s\"; a file's name contains '/' or ends in .json", name);
    free(near);
    note_failure(loading, STATUS_BAD_INPUT);
    return NULL;
}

static void load_machine_values(struct loading *loading)
{
    apply_preset(loading, "default", NULL);
    if (!loading->document)
        return;
    struct json_node root = json_root(loading->document);
    struct json_node presets = json_member(&root, "preset"), parameters = json_member(&root, "parameters");
    struct json_node node = json_is_array(&presets) ? json_first(&presets) : presets;
    if (loading->input)
        loading->input->presets =
            arena_array(loading->arena, json_length(&presets) + 1, sizeof(*loading->input->presets));
    while (json_given(&node)) {
        const char *name = named_preset(loading, &node);
        if (name) {
            apply_preset(loading, name, &node);
            remember_preset(loading, name);
        }
        if (!json_is_array(&presets))
            break;
        json_next(&node);
    }
    if (json_given(&parameters)) {
        const struct field_context context = {loading->arena, arena_string(loading->arena, loading->path),
                                              false};
        parameter_set_load(&parameters, loading->set, &context);
    }
}

static void load_unit(struct loading *loading, const struct iommu_unit *unit, const struct json_node *node)
{
    struct parameter_values values = loading->set->iommu[unit->kind];
    char owner[48];
    snprintf(owner, sizeof(owner), "/iommus/%u", unit->id);
    if (node && json_is_object(node)) {
        struct json_node presets = json_member(node, "preset"), parameters = json_member(node, "parameters");
        const char *name;
        if (json_given(&presets) && (name = named_preset(loading, &presets))) {
            struct parameter_set *own = memory_alloc(sizeof(*own));
            own->iommu[unit->kind] = values;
            note_failure(loading, preset_apply(own, name, loading->path, loading->arena, loading->content,
                                               loading->diagnostics));
            for (size_t i = 0; i < iommu_fields.count; i++) {
                struct field_origin *origin = &own->iommu[unit->kind].origins[i];
                if (origin->from != values.origins[i].from)
                    origin->from = arena_format(loading->arena, "%s, named at the unit", name);
            }
            values = own->iommu[unit->kind];
            free(own);
        }
        if (json_is_object(&parameters)) {
            const struct field_context context = {loading->arena, arena_string(loading->arena, loading->path),
                                                  false};
            field_table_load(&parameters, &iommu_fields, &values, values.origins, &context);
        }
        parameter_values_check(json_given(&parameters) ? &parameters : node, SECTION_IOMMU, &values);
    }
    loading->input->parameters.units[unit->id] = values.iommu;
    add_origins(loading, owner, "parameters", SECTION_IOMMU, &values, values.origins);
}

static void load_units(struct loading *loading)
{
    const struct topology *topology = loading->input->topology;
    struct machine_input *input = loading->input;
    uint32_t count = topology->unit_count ? topology->unit_count : 1;
    input->parameters.units = arena_array(loading->arena, count, sizeof(*input->parameters.units));
    note_unit_defaults(loading);

    struct json_node root = {0}, array = {0}, node = {0};
    if (loading->document) {
        root = json_root(loading->document);
        array = json_member(&root, "iommus");
        node = json_first(&array);
    }
    for (uint32_t i = 0; i < topology->unit_count; i++) {
        load_unit(loading, &topology->units[i], json_given(&node) ? &node : NULL);
        if (json_given(&node))
            json_next(&node);
    }
    if (topology->unit_count == 0) {
        const struct parameter_values *values = &loading->set->iommu[IOMMU_NONE];
        input->parameters.units[0] = values->iommu;
        add_origins(loading, "/parameters", "iommu", SECTION_IOMMU, values, values->origins);
    }
}

static void spread_values(struct loading *loading)
{
    struct machine_parameters *parameters = &loading->input->parameters;
    const struct parameter_values *sections = loading->set->sections;
    size_t count = loading->input->topology->function_count;
    parameters->links = arena_array(loading->arena, count + 1, sizeof(*parameters->links));
    parameters->switches = arena_array(loading->arena, count + 1, sizeof(*parameters->switches));
    parameters->bridges = arena_array(loading->arena, count + 1, sizeof(*parameters->bridges));
    parameters->engines = arena_array(loading->arena, count + 1, sizeof(*parameters->engines));
    for (size_t i = 0; i < count; i++) {
        parameters->links[i] = sections[SECTION_LINK].link;
        parameters->switches[i] = sections[SECTION_SWITCH].switch_;
        parameters->bridges[i] = sections[SECTION_BRIDGE].bridge;
        parameters->engines[i] = sections[SECTION_ENDPOINT].endpoint;
    }
    parameters->root_complex = sections[SECTION_ROOT_COMPLEX].root_complex;
    parameters->memory = sections[SECTION_MEMORY].memory;
    parameters->dma_api = sections[SECTION_DMA_API].dma_api;
    parameters->swiotlb = sections[SECTION_SWIOTLB].swiotlb;
    parameters->viommu = sections[SECTION_VIOMMU].viommu;
    parameters->virtual_cpu = sections[SECTION_VIRTUAL_CPU].virtual_cpu;
    parameters->guest = sections[SECTION_GUEST].guest;
    parameters->migration = sections[SECTION_MIGRATION].migration;
    parameters->driver = sections[SECTION_DRIVER].driver;
    for (unsigned kind = DEVICE_NIC; kind < DEVICE_KINDS; kind++)
        parameters->devices[kind] = sections[SECTION_NIC + kind - DEVICE_NIC].device;
    for (enum parameter_section section = 0; section < SECTION_IOMMU; section++)
        add_origins(loading, "/parameters", parameter_table(section)->name, section, &sections[section],
                    sections[section].origins);
}

/* Take one field over. @return false where both have the same value */
static bool take_field(const struct field *field, void *into, const void *from)
{
    static const size_t sizes[] = {sizeof(uint64_t), sizeof(uint32_t), sizeof(bool), sizeof(int)};
    void *member = (char *)into + field->offset; /* ORDER of sizes: enum field_type */
    const void *other = (const char *)from + field->offset;
    if (memcmp(member, other, sizes[field->type]) == 0)
        return false;
    memcpy(member, other, sizes[field->type]);
    return true;
}

/* What the registers of a function say of its engine, where the file states nothing for the machine. */
static void settle_engine(struct loading *loading, const struct pci_function *function)
{
    const struct parameter_values *machine = &loading->set->sections[SECTION_ENDPOINT];
    struct dma_engine_parameters *engine = &loading->input->parameters.engines[function->id],
                                 settled = *engine;
    struct field_origin origins[SECTION_FIELDS_MAX] = {0};
    bool any = false;
    registers_settle(loading->input->topology, function, &settled);
    for (size_t i = 0; i < dma_engine_fields.count; i++) {
        const char *from = machine->origins[i].from;
        bool stated = from && loading->path && strcmp(from, loading->path) == 0;
        if (stated || !take_field(&dma_engine_fields.fields[i], engine, &settled))
            continue;
        origins[i] = (struct field_origin){REGISTERS_FROM, "registers of the function (specification)"};
        any = true;
    }
    if (any && function->pointer)
        add_origins(loading, function->pointer, "endpoint", SECTION_ENDPOINT, engine, origins);
}

/* The function whose link entry the engine reads: the port above, for what hangs on a link. */
static const struct pci_function *link_owner(const struct topology *topology,
                                             const struct pci_function *function)
{
    const struct pci_function *above = topology_parent(topology, function);
    return !function_leads_to_link(function) && above && function_leads_to_link(above) ? above : function;
}

static void apply_override(struct loading *loading, const struct pci_function *function,
                           const struct parameter_override *override)
{
    const struct topology *topology = loading->input->topology;
    struct machine_parameters *parameters = &loading->input->parameters;
    const struct field_table *table = parameter_table(override->section);
    struct field_origin origins[SECTION_FIELDS_MAX] = {0};
    void *values = NULL;
    switch (override->section) {
    case SECTION_LINK:
        values = &parameters->links[link_owner(topology, function)->id];
        break;
    case SECTION_SWITCH:
        values = &parameters->switches[function->id];
        break;
    case SECTION_BRIDGE:
        values = &parameters->bridges[function->id];
        break;
    case SECTION_ENDPOINT:
        values = &parameters->engines[function->id];
        break;
    default:
        return;
    }
    char *pointer = arena_format(loading->arena, "%s/%s", override->owner, table->name);
    struct json_node node = json_root_at(loading->document, override->value, pointer);
    const struct field_context context = {loading->arena, arena_string(loading->arena, loading->path), false};
    field_table_load(&node, table, values, origins, &context);
    add_origins(loading, override->owner, table->name, override->section, values, origins);
}

static void apply_overrides(struct loading *loading, const struct parameter_override *overrides, size_t count)
{
    const struct topology *topology = loading->input->topology;
    for (uint32_t i = 0; i < topology->function_count && count; i++) {
        const struct pci_function *function = &topology->functions[i];
        size_t low = 0, high = count;
        while (low < high && function->pointer) {
            size_t middle = low + (high - low) / 2;
            if (strcmp(overrides[middle].owner, function->pointer) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        for (; function->pointer && low < count && strcmp(overrides[low].owner, function->pointer) == 0;
             low++)
            apply_override(loading, function, &overrides[low]);
        if (diagnostics_full(loading->diagnostics))
            return;
    }
    for (uint32_t i = 0; i < topology->function_count; i++) /* both ends of a link show the same */
        loading->input->parameters.links[i] =
            loading->input->parameters.links[link_owner(topology, &topology->functions[i])->id];
}

int machine_parameters_load(struct machine_input *input, const struct json_document *document,
                            const struct parameter_override *overrides, size_t override_count,
                            const char *path, struct text_buffer *content, struct diagnostics *diagnostics)
{
    unsigned errors = diagnostics_errors(diagnostics);
    struct loading loading = {
        .input = input,
        .arena = input->topology->arena,
        .document = document,
        .path = path,
        .content = content,
        .diagnostics = diagnostics,
        .set = memory_alloc(sizeof(struct parameter_set)),
    };
    load_machine_values(&loading);
    spread_values(&loading);
    load_units(&loading);
    for (uint32_t i = 0; i < input->topology->function_count; i++)
        settle_engine(&loading, &input->topology->functions[i]);
    apply_overrides(&loading, overrides, override_count);
    input->origins = arena_array(loading.arena, loading.origin_count, sizeof(*input->origins));
    input->origin_count = (uint32_t)loading.origin_count;
    if (loading.origin_count)
        memcpy(input->origins, loading.origins, loading.origin_count * sizeof(*input->origins));
    free(loading.origins);
    free(loading.set);
    if (loading.status == STATUS_OK && diagnostics_errors(diagnostics) != errors)
        loading.status = STATUS_BAD_INPUT;
    return loading.status;
}

void machine_parameters_check(const struct json_document *document, const char *path)
{
    struct loading loading = {
        .arena = arena_new(),
        .document = document,
        .path = path,
        .diagnostics = document->diagnostics,
        .set = memory_alloc(sizeof(struct parameter_set)),
    };
    struct json_node root = json_root(document);
    if (json_is_object(&root))
        load_machine_values(&loading);
    free(loading.set);
    arena_free(loading.arena);
}
