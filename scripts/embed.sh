#!/bin/sh
# SPDX-License-Identifier: MIT
# Write a C file that carries the given text files inside the program, so that it needs no data folder at run time.
set -eu
echo '#include "sim/base/embedded.h"'
i=0
for f in "$@"; do
    printf '%s\n' "__asm__(\".section .rodata\\nembedded_$i: .incbin \\\"$f\\\"\\n.byte 0\\nembedded_end_$i:\\n.previous\\n\");"
    echo "extern const char embedded_$i[], embedded_end_$i[];"
    i=$((i + 1))
done
echo 'static const struct embedded_file files[] = {'
i=0
for f in "$@"; do
    echo "    {\"$f\", embedded_$i, embedded_end_$i},"
    i=$((i + 1))
done
cat <<'C'
    {0, 0, 0},
};
const struct embedded_file *embedded_files(void)
{
    return files;
}
C
