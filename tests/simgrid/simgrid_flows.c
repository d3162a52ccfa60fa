/* SPDX-License-Identifier: MIT */
/*
 * What any program on SimGrid does with a platform: load it, start flows between its hosts at time 0, and
 * print when each is over.
 *
 *     simgrid-flows PLATFORM [FROM TO BYTES]... [--cfg=...]
 */
#include <simgrid/actor.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <stdio.h>
#include <stdlib.h>

static void flow(int argc, char **argv)
{
    (void)argc;
    sg_host_sendto(sg_host_by_name(argv[0]), sg_host_by_name(argv[1]), strtod(argv[2], NULL));
    printf("%s %s %.12f\n", argv[0], argv[1], simgrid_get_clock());
}

int main(int argc, char **argv)
{
    simgrid_init(&argc, argv);
    if (argc < 2)
        return 2;
    simgrid_load_platform(argv[1]);
    for (int i = 2; i + 2 < argc; i += 3) {
        const char *const arguments[] = {argv[i], argv[i + 1], argv[i + 2], NULL};
        sg_actor_create_("flow", sg_host_by_name(argv[i]), flow, 3, arguments);
    }
    simgrid_run();
    return 0;
}
