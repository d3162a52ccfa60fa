/* SPDX-License-Identifier: MIT */
/* The document is parsed, changed as a tree, and written and read again: what is wrong with the result is
 * found by the same reader that finds what is wrong with a file. */
#include "sim/input/what_if.h"

#include "sim/base/arena.h"
#include "sim/base/json_scan.h"
#include "sim/base/nearest.h"
#include "sim/base/status.h"
#include "sim/input/json_reader.h"
#include "sim/input/input_file.h"
#include "sim/input/topology_writer.h"

#include <cJSON.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_SIZE = 128, NAMES_MAX = 96, FINDINGS_MAX = 20 };

/* One setting while it is applied. */
struct setting {
    struct applied_setting applied;
    size_t skip;                     /* bytes of its pointer that name the document */
    const struct topology *topology; /* NULL: addresses of functions mean nothing here */
    struct diagnostics *diagnostics;
    cJSON *value; /* NULL: take away */
};

#define SETTING_ERROR(setting, offset, code, ...)                                                            \
    diagnostics_report((setting)->diagnostics, DIAGNOSTIC_ERROR, &(setting)->applied.text, offset, NULL,     \
                       code, __VA_ARGS__)

/* The function an address at the head of a setting names. */
static const struct pci_function *find_function(struct setting *setting, size_t length)
{
    char address[BDF_TEXT_SIZE + 8];
    uint32_t segment;
    uint8_t bus, devfn;
    snprintf(address, sizeof(address), "%.*s", (int)length, setting->applied.text.text);
    if (!setting->topology) {
        SETTING_ERROR(setting, 0, "what-if-syntax", "a setting of this document begins with a JSON pointer");
        return NULL;
    }
    if (length >= sizeof(address) || !bdf_parse(address, &segment, &bus, &devfn)) {
        SETTING_ERROR(setting, 0, "what-if-syntax",
                      "a setting begins with a JSON pointer (\"/kernel/cmdline=...\") or the address of a "
                      "function (\"01:00.0/acs=...\")");
        return NULL;
    }
    const struct pci_function *function = topology_find(setting->topology, segment, bus, devfn);
    if (!function) {
        SETTING_ERROR(setting, 0, "what-if-function", "the machine has no function %s", address);
        return NULL;
    }
    const struct pci_function *pf =
        function->is_vf && function->pf_id != NONE ? &setting->topology->functions[function->pf_id] : NULL;
    if (pf && strcmp(pf->pointer, function->pointer) == 0) {
        SETTING_ERROR(
            setting, 0, "what-if-function",
            "the document does not state the virtual function %s; what it is follows from %02x:%02x.%x",
            address, pf->bus, pci_slot(pf->devfn), pci_func(pf->devfn));
        return NULL;
    }
    return function;
}

/* The JSON value of a text; a text that is none is a string. False after an error. */
static bool read_value(struct setting *setting, size_t offset)
{
    const char *text = setting->applied.text.text + offset;
    struct source_text source = {"--set", text, strlen(text)};
    struct diagnostics *unheard = diagnostics_new(1);
    bool json = json_scan(&source, unheard);
    diagnostics_free(unheard);
    if (json) {
        setting->value = cJSON_Parse(text);
        if (cJSON_IsNull(setting->value)) {
            cJSON_Delete(setting->value);
            setting->value = NULL;
        }
        return true;
    }
    if (strchr("[{\"", *text) && *text) {
        SETTING_ERROR(setting, offset, "what-if-value", "the value is neither JSON nor a plain word");
        return false;
    }
    setting->value = cJSON_CreateString(text);
    return true;
}

/* Cut "POINTER=VALUE" apart. Keys of the document have no "=", so the first one counts. */
static bool read_setting(struct setting *setting)
{
    const char *text = setting->applied.text.text;
    size_t length = strcspn(text, "="), head = setting->skip ? setting->skip : strcspn(text, "/=");
    const char *prefix = "";
    if (text[length] == '\0') {
        SETTING_ERROR(setting, setting->applied.text.length, "what-if-syntax",
                      "a setting is POINTER=VALUE, and this has no \"=\"");
        return false;
    }
    if (head > setting->skip) {
        const struct pci_function *function = find_function(setting, head);
        if (!function)
            return false;
        prefix = function->pointer;
    }
    if (head == length) {
        SETTING_ERROR(setting, head, "what-if-syntax", "%s",
                      head > setting->skip ? "what of the function is to be set? (\"01:00.0/acs=...\")"
                                           : "the document as a whole cannot be set");
        return false;
    }
    struct text_buffer pointer = {0};
    text_buffer_add(&pointer, prefix);
    text_buffer_append(&pointer, text + head, length - head);
    setting->applied.pointer = pointer.text;
    setting->applied.shift = strlen(prefix);
    setting->applied.address = head;
    return read_value(setting, length + 1);
}

/* Cut the next token off a pointer at `at`, unescaped. False where it is too long. */
static bool next_token(const char **at, char token[TOKEN_SIZE])
{
    size_t length = 0;
    for (++*at; **at && **at != '/'; ++*at) {
        char byte = **at;
        if (byte == '~' && ((*at)[1] == '0' || (*at)[1] == '1'))
            byte = *++*at == '0' ? '~' : '/';
        if (length == TOKEN_SIZE - 1)
            return false;
        token[length++] = byte;
    }
    token[length] = '\0';
    return true;
}

static const char *nearest_member(const cJSON *object, const char *name)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    const cJSON *member;
    cJSON_ArrayForEach(member, object)
    {
        if (count < NAMES_MAX)
            names[count++] = member->string;
    }
    return nearest_name(name, names, count, sizeof(names[0]));
}

static void report_absent(struct setting *setting, const cJSON *object, const char *name, size_t offset)
{
    const char *near = nearest_member(object, name);
    SETTING_ERROR(setting, offset, "what-if-pointer", "there is no \"%s\" here%s%s%s", name,
                  near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* Index of an element; the number of elements for "-". False after an error. */
static bool read_index(struct setting *setting, const cJSON *array, const char *token, size_t offset,
                       int *index)
{
    int count = cJSON_GetArraySize(array);
    uint64_t number = (uint64_t)count;
    if (strcmp(token, "-") != 0 && !number_parse(token, UINT32_MAX, &number)) {
        SETTING_ERROR(setting, offset, "what-if-pointer",
                      "\"%s\" is no element of an array: 0 to %d, or \"-\"", token, count - 1);
        return false;
    }
    if (number > (uint64_t)count) {
        SETTING_ERROR(setting, offset, "what-if-pointer", "there is no element %s: the array has %d", token,
                      count);
        return false;
    }
    *index = (int)number;
    return true;
}

/* The value to put in the place of @p old: digits that replace a string stay one ("40" of a bus). */
static cJSON *take_value(struct setting *setting, const cJSON *old)
{
    cJSON *value = setting->value;
    setting->value = NULL;
    if (cJSON_IsString(old) && cJSON_IsNumber(value)) {
        cJSON_Delete(value);
        value = cJSON_CreateString(strchr(setting->applied.text.text, '=') + 1);
    }
    return value;
}

/* Put the value at the last token of the pointer. Takes it over. */
static bool put(struct setting *setting, cJSON *container, const char *token, size_t offset)
{
    int index;
    if (cJSON_IsArray(container)) {
        if (!read_index(setting, container, token, offset, &index))
            return false;
        cJSON *old = cJSON_GetArrayItem(container, index);
        if (!old && !setting->value) {
            SETTING_ERROR(setting, offset, "what-if-pointer", "there is no such element to take away");
            return false;
        }
        cJSON *value = take_value(setting, old);
        if (!value)
            cJSON_DeleteItemFromArray(container, index);
        else if (old)
            cJSON_ReplaceItemInArray(container, index, value);
        else
            cJSON_AddItemToArray(container, value);
        return true;
    }
    cJSON *old = cJSON_GetObjectItemCaseSensitive(container, token);
    if (!old && !setting->value) {
        report_absent(setting, container, token, offset);
        return false;
    }
    cJSON *value = take_value(setting, old);
    if (!value)
        cJSON_DeleteItemFromObjectCaseSensitive(container, token);
    else if (old)
        cJSON_ReplaceItemInObjectCaseSensitive(container, token, value);
    else
        cJSON_AddItemToObject(container, token, value);
    return true;
}

/* What a token on the way names. Members that are missing are made; elements are not. */
static cJSON *descend(struct setting *setting, cJSON *container, const char *token, const char *rest,
                      size_t offset)
{
    int index;
    if (cJSON_IsArray(container)) {
        if (!read_index(setting, container, token, offset, &index))
            return NULL;
        if (index == cJSON_GetArraySize(container))
            SETTING_ERROR(setting, offset, "what-if-pointer", "there is no element %s: the array has %d",
                          token, index);
        return cJSON_GetArrayItem(container, index);
    }
    cJSON *member = cJSON_GetObjectItemCaseSensitive(container, token);
    if (member)
        return member;
    if (isdigit((unsigned char)rest[1]) || !setting->value) {
        report_absent(setting, container, token, offset);
        return NULL;
    }
    bool array = strcmp(rest, "/-") == 0;
    return array ? cJSON_AddArrayToObject(container, token) : cJSON_AddObjectToObject(container, token);
}

static bool apply(struct setting *setting, cJSON *root)
{
    char token[TOKEN_SIZE];
    const char *at = setting->applied.pointer;
    cJSON *container = root;
    for (;;) {
        size_t offset =
            applied_setting_offset(&setting->applied, (size_t)(at - setting->applied.pointer) + 1);
        if (!next_token(&at, token)) {
            SETTING_ERROR(setting, offset, "what-if-pointer", "no name of the document is so long");
            return false;
        }
        if (!cJSON_IsArray(container) && !cJSON_IsObject(container)) {
            SETTING_ERROR(setting, offset, "what-if-pointer", "nothing is inside a %s",
                          cJSON_IsString(container)   ? "string"
                          : cJSON_IsNumber(container) ? "number"
                                                      : "truth value");
            return false;
        }
        if (*at == '\0')
            return put(setting, container, token, offset);
        container = descend(setting, container, token, at, offset);
        if (!container)
            return false;
    }
}

/* Apply all settings to a parsed document. False after errors. @param applied filled; [count] */
static bool apply_all(const struct what_if_setting *settings, size_t count, const struct topology *topology,
                      cJSON *root, struct applied_setting *applied, struct diagnostics *diagnostics)
{
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        struct setting setting = {
            .applied.text = {settings[i].name, settings[i].text, strlen(settings[i].text)},
            .skip = settings[i].skip,
            .topology = topology,
            .diagnostics = diagnostics,
        };
        good &= read_setting(&setting) && apply(&setting, root);
        applied[i] = setting.applied;
        cJSON_Delete(setting.value);
    }
    return good;
}

/* The document of a machine as text: its file's, or without one what `import` would write. Free the text. */
static void document_of(const struct source_text *source, const struct machine_input *input,
                        struct text_buffer *text)
{
    if (source)
        text_buffer_append(text, source->text, source->length);
    else
        machine_write(input, text);
}

/* @param topology  as in struct setting */
static int change(const struct source_text *document, const struct what_if_setting *settings, size_t count,
                  const struct topology *topology, struct text_buffer *changed,
                  struct applied_setting *applied, struct diagnostics *diagnostics)
{
    struct json_document parsed;
    int status = json_document_init(&parsed, document, diagnostics);
    if (status < 0)
        return status;
    if (apply_all(settings, count, topology, parsed.root, applied, diagnostics)) {
        char *text = cJSON_Print(parsed.root);
        text_buffer_add(changed, text);
        cJSON_free(text);
    } else {
        status = STATUS_BAD_INPUT;
    }
    json_document_fini(&parsed);
    return status;
}

int what_if_change(const struct source_text *document, const struct what_if_setting *settings, size_t count,
                   struct text_buffer *changed, struct applied_setting *applied,
                   struct diagnostics *diagnostics)
{
    return change(document, settings, count, NULL, changed, applied, diagnostics);
}

static int load_changed(const struct source_text *document, const struct what_if_setting *settings,
                        size_t count, const struct machine_input *before, struct machine_input **after,
                        struct diagnostics *diagnostics)
{
    struct text_buffer text = {0}, name = {0};
    struct applied_setting *applied = memory_array(count, sizeof(*applied));
    int status = change(document, settings, count, before->topology, &text, applied, diagnostics);
    if (status == STATUS_OK) {
        text_buffer_format(&name, "%s with %s", document->name, settings[0].name);
        struct source_text changed = {name.text, text_buffer_get(&text), text.length};
        struct diagnostics *found = diagnostics_new(FINDINGS_MAX);
        status = machine_input_load_source(&changed, after, found);
        what_if_findings(found, applied, count, diagnostics);
        diagnostics_free(found);
    }
    applied_settings_free(applied, count);
    text_buffer_fini(&name);
    text_buffer_fini(&text);
    return status;
}

/* The machine as its document tells it: what the writing may lose is then lost on both sides. What is odd
 * about it was said when it was first loaded. */
static int load_again(const struct source_text *document, struct machine_input **input,
                      struct diagnostics *diagnostics)
{
    struct diagnostics *unheard = diagnostics_new(1);
    int status = machine_input_load_source(document, input, unheard);
    diagnostics_free(unheard);
    return status < 0 ? machine_input_load_source(document, input, diagnostics) : status;
}

static int load(const struct machine_source *source, const struct what_if_setting *settings, size_t count,
                struct machine_input **before, struct machine_input **after, struct diagnostics *diagnostics)
{
    struct machine_input *loaded = NULL, *changed = NULL;
    struct text_buffer text = {0};
    const struct source_text *json = machine_source_document(source);
    int status = machine_input_load_read(source, &loaded, diagnostics);
    if (status < 0)
        return status;
    document_of(json, loaded, &text);
    struct source_text document = {source->files[0].path, text_buffer_get(&text), text.length};
    if (!json) {
        machine_input_free(loaded);
        loaded = NULL;
        status = load_again(&document, &loaded, diagnostics);
    }
    if (status == STATUS_OK)
        status = load_changed(&document, settings, count, loaded, &changed, diagnostics);
    if (status == STATUS_OK) {
        *before = loaded;
        *after = changed;
        loaded = NULL;
    }
    machine_input_free(loaded);
    text_buffer_fini(&text);
    return status;
}

int what_if_load_source(const struct source_text *text, const struct what_if_setting *settings, size_t count,
                        struct machine_input **before, struct machine_input **after,
                        struct diagnostics *diagnostics)
{
    struct input_file file = {.path = text->name, .text = *text};
    return load(&(struct machine_source){&file, 1}, settings, count, before, after, diagnostics);
}

int what_if_load_files(const struct machine_files *files, const struct what_if_setting *settings,
                       size_t count, struct machine_input **before, struct machine_input **after,
                       struct diagnostics *diagnostics)
{
    struct machine_source source = {0};
    int status = machine_source_read(files, &source, diagnostics);
    if (status < 0)
        return status;
    status = load(&source, settings, count, before, after, diagnostics);
    machine_source_fini(&source);
    return status;
}

int what_if_load(const struct machine_files *files, const char *const *texts, size_t count,
                 struct machine_input **before, struct machine_input **after, struct diagnostics *diagnostics)
{
    struct what_if_setting *settings = memory_array(count, sizeof(*settings));
    for (size_t i = 0; i < count; i++)
        settings[i] = (struct what_if_setting){texts[i], "--set", 0};
    int status = what_if_load_files(files, settings, count, before, after, diagnostics);
    free(settings);
    return status;
}
