/* SPDX-License-Identifier: MIT */
#include "sim/cli/check_init.h"

#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/machine_input.h"
#include "sim/input/topology_writer.h"
#include "sim/output/output_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char suite_text[] =
    "{\n"
    "  \"format\": \"iommusim-check/1\",\n"
    "  \"cases\": [\n"
    "    {\"name\": \"machine\", \"topology\": \"topology.json\",\n"
    "      \"runs\": [{\"name\": \"reads\", \"workload\": \"workload.json\"}],\n"
    "      \"policies\": [\n"
    "        {\"policy\": \"no-leak\"},\n"
    "        {\"policy\": \"figure\", \"run\": \"reads\", \"figure\": \"/run/failed\", \"at_most\": 0}\n"
    "      ],\n"
    "      \"x-more-policies\": [\n"
    "        {\"policy\": \"alone\", \"devices\": [\"01:00.0\"]},\n"
    "        {\"policy\": \"separate\", \"devices\": [\"01:00.0\", \"02:00.0\"]},\n"
    "        {\"policy\": \"figure\", \"run\": \"reads\", \"figure\": \"/streams/0/latency/p99_ps\", "
    "\"at_most\": "
    "\"800ns\"}\n"
    "      ]}\n"
    "  ]\n"
    "}\n";

static const char workload_text[] =
    "{\n"
    "  \"format\": \"iommusim-workload/1\",\n"
    "  \"name\": \"64 B random reads over 1 MiB by the fastest device\",\n"
    "  \"domains\": [{\"name\": \"host\", \"devices\": \"all\", \"mappings\": [{\"iova\": \"0x10000000\", "
    "\"length\": "
    "\"1MiB\"}]}],\n"
    "  \"streams\": [{\"name\": \"reads\", \"device\": \"any\", \"operation\": \"read\", \"pattern\": "
    "\"random\",\n"
    "    \"size\": \"64B\", \"operations\": 5000, \"warmup\": 500, \"queue_depth\": 16}]\n"
    "}\n";

/* Both build iommusim in a bare Debian 12 and run it here. IOMMUSIM_REPOSITORY is where its sources are. */
static const char github_text[] =
    "# IOMMU groups, leaks and DMA latency of this project's machines. Set the repository variable\n"
    "# IOMMUSIM_REPOSITORY to the address iommusim is cloned from.\n"
    "name: iommusim\n"
    "on: [push, pull_request]\n"
    "jobs:\n"
    "  check:\n"
    "    runs-on: ubuntu-latest\n"
    "    container: debian:12\n"
    "    steps:\n"
    "      - run: apt-get update && apt-get install -y --no-install-recommends ca-certificates git make\n"
    "      - uses: actions/checkout@v4\n"
    "      - run: git clone --depth 1 \"${{ vars.IOMMUSIM_REPOSITORY }}\" /opt/iommusim && make -C "
    "/opt/iommusim setup "
    "all\n"
    "      - run: /opt/iommusim/build/iommusim check . -f sarif -o iommusim.sarif\n"
    "      - if: failure()\n"
    "        run: /opt/iommusim/build/iommusim check .\n"
    "      - if: always()\n"
    "        uses: github/codeql-action/upload-sarif@v3\n"
    "        with:\n"
    "          sarif_file: iommusim.sarif\n";

static const char gitlab_text[] =
    "# IOMMU groups, leaks and DMA latency of this project's machines. Set the CI/CD variable\n"
    "# IOMMUSIM_REPOSITORY to the address iommusim is cloned from.\n"
    "iommusim:\n"
    "  image: debian:12\n"
    "  before_script:\n"
    "    - apt-get update && apt-get install -y --no-install-recommends ca-certificates git make\n"
    "    - git clone --depth 1 \"$IOMMUSIM_REPOSITORY\" /opt/iommusim\n"
    "    - make -C /opt/iommusim setup all\n"
    "  script:\n"
    "    - /opt/iommusim/build/iommusim check . -f junit -o iommusim.xml\n"
    "  after_script:\n"
    "    - /opt/iommusim/build/iommusim check . || true\n"
    "  artifacts:\n"
    "    when: always\n"
    "    reports:\n"
    "      junit: iommusim.xml\n";

static const struct {
    const char *name, *text; /* text NULL: the machine */
} files[] = {
    {"topology.json", NULL},         {"workload.json", workload_text},
    {"check.json", suite_text},      {".github/workflows/iommusim.yml", github_text},
    {".gitlab-ci.yml", gitlab_text},
};

enum { FILES = sizeof(files) / sizeof(files[0]) };

static int fail(struct diagnostics *diagnostics, const char *path, const char *text)
{
    const struct source_text source = {path, NULL, 0};
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &source, DIAGNOSTIC_NO_OFFSET, NULL, "file-create",
                       "%s", text);
    return STATUS_FILE_WRITE;
}

static int make_folders(const char *folder, struct diagnostics *diagnostics)
{
    static const char *const below[] = {"", "/.github", "/.github/workflows"};
    int status = STATUS_OK;
    for (size_t i = 0; i < sizeof(below) / sizeof(below[0]) && status == STATUS_OK; i++) {
        struct text_buffer path = {0};
        text_buffer_format(&path, "%s%s", folder, below[i]);
        if (mkdir(path.text, 0777) < 0 && errno != EEXIST)
            status = fail(diagnostics, path.text, strerror(errno));
        text_buffer_fini(&path);
    }
    return status;
}

static int none_is_there(const char *folder, struct diagnostics *diagnostics)
{
    int status = STATUS_OK;
    for (size_t i = 0; i < FILES; i++) {
        struct text_buffer path = {0};
        text_buffer_format(&path, "%s/%s", folder, files[i].name);
        if (access(path.text, F_OK) == 0)
            status = fail(diagnostics, path.text, "is there already; nothing was written");
        text_buffer_fini(&path);
    }
    return status;
}

int check_init(const char *folder, const char *topology, struct diagnostics *diagnostics)
{
    struct machine_input *input = NULL;
    struct text_buffer machine = {0};
    int status = machine_input_load(topology, &input, diagnostics);
    if (status == STATUS_OK)
        status = none_is_there(folder, diagnostics);
    if (status == STATUS_OK)
        status = make_folders(folder, diagnostics);
    if (status == STATUS_OK)
        machine_write(input, &machine);
    for (size_t i = 0; i < FILES && status == STATUS_OK; i++) {
        struct text_buffer path = {0};
        const char *text = files[i].text ? files[i].text : text_buffer_get(&machine);
        text_buffer_format(&path, "%s/%s", folder, files[i].name);
        status = output_file_write(path.text, text, strlen(text), diagnostics);
        text_buffer_fini(&path);
    }
    text_buffer_fini(&machine);
    machine_input_free(input);
    return status;
}

void check_init_describe(const char *folder)
{
    printf("%s: topology.json (the machine), workload.json (what runs on it), check.json (what must stay "
           "true),\n"
           "  golden (the answers of now), .github and .gitlab-ci.yml (run `iommusim check` on every push)\n"
           "`iommusim check %s` compares; `iommusim check --bless %s` after a change that is meant\n",
           folder, folder, folder);
    fflush(stdout);
}
