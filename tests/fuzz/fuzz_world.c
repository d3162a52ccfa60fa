/* SPDX-License-Identifier: MIT */
/* libFuzzer entry for worlds; see tests/fuzz/README.md. */
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A world that was taken keeps its promises; one that was refused says why. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    const struct source_text source = {"world.json", text, size};
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct world *world = NULL;
    int status = world_load_source(&source, &world, diagnostics);
    if ((status < 0) != (diagnostics_errors(diagnostics) > 0)) {
        fprintf(stderr, "status %d with %u errors:\n%s\n", status, diagnostics_errors(diagnostics), text);
        abort();
    }
    for (uint32_t i = 0; status == 0 && i < world->stream_count; i++) {
        for (uint32_t e = 0; e < world->streams[i].from.count; e++) {
            struct text_buffer name = {0};
            world_end_print(world, world->streams[i].from.items[e], &name);
            world_network_function(world, world->streams[i].from.items[e], e);
            text_buffer_fini(&name);
        }
    }
    world_free(world);
    diagnostics_free(diagnostics);
    free(text);
    return 0;
}
