# SPDX-License-Identifier: MIT
# iommusim: `make demo` and `make check` do everything on a bare Debian 12. `make help` lists the rest.

BUILD    ?= build
CC       ?= cc
OPT      ?= -O2 -g
WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
PACKAGES := libcjson expat libxxhash libzstd libarchive sqlite3
VERSION  := 0.1.0

# sim/world includes SimGrid, which only the second program is linked with.
SOURCES  := $(filter-out sim/world/%,$(sort $(wildcard sim/*/*.c models/*.c models/*/*.c)))
OBJECTS  := $(SOURCES:%.c=$(BUILD)/%.o)
WORLD_SOURCES := $(sort $(wildcard sim/world/*.c))
WORLD_OBJECTS := $(WORLD_SOURCES:%.c=$(BUILD)/%.o)
TESTS    := $(sort $(wildcard tests/unit/*.c))
TEST_OBJECTS := $(TESTS:%.c=$(BUILD)/%.o)
EMBEDDED := $(sort $(wildcard topologies/presets/*.json sim/input/schema/*.json))

CFLAGS_ALL = -std=c11 -D_GNU_SOURCE -I. -I$(BUILD) $(WARNINGS) $(OPT) -MMD -MP -DIOMMUSIM_VERSION='"$(VERSION)"' \
             $(shell pkg-config --cflags $(PACKAGES)) $(CFLAGS)
LIBS       = $(shell pkg-config --libs $(PACKAGES)) -lm

.PHONY: all demo check bench setup unit lint format sanitize clean help
all: $(BUILD)/iommusim

help:
	@echo 'make            build $(BUILD)/iommusim and iommusim-world (libraries must be there: make setup)'
	@echo 'make demo       install what is missing, build, groups + leaks + latency of a real machine'
	@echo 'make check      install what is missing, build, all tests'
	@echo 'make bench      measure speed; small table, JSON in $(BUILD)/bench.json'
	@echo 'make oracle     predicted groups against real kernels; reasons for misses in results/realworld-misses.md'
	@echo 'make regress    groups, leaks and latency of the reference machines against results/golden'
	@echo 'make validate   published measurements against the simulator; results/validation.md, exit 1 outside tolerance'
	@echo 'make isolation-seen  make the table of ids anew from the machines beside the tree'
	@echo 'make fuzz       every reader of foreign text under libFuzzer, FUZZ_SECONDS=60 each; FUZZ_TARGETS names some of them'
	@echo 'make sanitize   the unit tests under AddressSanitizer and UBSan'
	@echo 'make lint       clang-format and clang-tidy'
	@echo 'make format     apply clang-format'
	@echo 'make clean      remove $(BUILD)'

setup:
	@scripts/setup.sh

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(CFLAGS_ALL) -c -o $@ $<

$(BUILD)/embedded.o: $(EMBEDDED) scripts/embed.sh
	@mkdir -p $(@D)
	@echo '  EMBED   $@'
	@scripts/embed.sh $(EMBEDDED) > $(BUILD)/embedded.c
	@$(CC) $(CFLAGS_ALL) -c -o $@ $(BUILD)/embedded.c

# Everything a simulated result depends on; results of studies are filed under the hash of it.
MODEL_SOURCES := $(sort $(wildcard models/*.[ch] models/*/*.[ch] sim/base/*.[ch] sim/kernel/*.[ch] sim/topology/*.[ch] sim/input/*.[ch] \
                 sim/analysis/*.[ch] sim/analysis/*.def sim/machine/*.[ch] sim/world/*.[ch] sim/output/result*.[ch] topologies/presets/*.json))

$(BUILD)/model_version.o: $(MODEL_SOURCES)
	@mkdir -p $(@D)
	@echo '  HASH    $@'
	@{ echo 'extern const char model_version[]; const char model_version[] ='; cat $(MODEL_SOURCES) | sha256sum | \
	    sed 's/^\(.\{16\}\).*/"\1";/'; } > $(BUILD)/model_version.c
	@$(CC) $(CFLAGS_ALL) -c -o $@ $(BUILD)/model_version.c

$(BUILD)/libiommusim.a: $(OBJECTS) $(BUILD)/embedded.o $(BUILD)/model_version.o
	@echo '  AR      $@'
	@rm -f $@
	@$(AR) rcs $@ $^

# Where SimGrid is not installed everything else still works.
ifeq ($(shell pkg-config --exists simgrid && echo yes),yes)
WORLD_PROGRAM := $(BUILD)/iommusim-world
endif

$(BUILD)/iommusim: $(BUILD)/sim/main.o $(BUILD)/libiommusim.a | $(WORLD_PROGRAM)
	@echo '  LINK    $@'
	@$(CC) $(OPT) $(LDFLAGS) -o $@ $^ $(LIBS)

# The same commands and, linked with SimGrid, those inputs that need it: iommusim becomes it by execv().
$(WORLD_OBJECTS): CFLAGS_ALL += $(shell pkg-config --cflags simgrid)

$(BUILD)/iommusim-world: $(BUILD)/sim/main.o $(WORLD_OBJECTS) $(BUILD)/libiommusim.a
	@echo '  LINK    $@'
	@$(CC) $(OPT) $(LDFLAGS) -o $@ $^ $(LIBS) $(shell pkg-config --libs simgrid)

# Each tests/unit/test_NAME.c defines `Suite *NAME_suite(void)`; the runner's list is made from the file names.
$(BUILD)/tests/suites.h: $(TESTS) Makefile
	@mkdir -p $(@D)
	@for t in $(patsubst tests/unit/test_%.c,%,$(filter tests/unit/test_%.c,$(TESTS))); do echo "SUITE($$t)"; done > $@

$(BUILD)/tests/unit/runner.o: $(BUILD)/tests/suites.h
$(TEST_OBJECTS): CFLAGS_ALL += $(shell pkg-config --cflags check)

$(BUILD)/tests/run: $(TEST_OBJECTS) $(BUILD)/tests/oracle/isolation_evidence.o $(BUILD)/libiommusim.a
	@echo '  LINK    $@'
	@$(CC) $(OPT) $(LDFLAGS) -o $@ $^ $(LIBS) $(shell pkg-config --libs check)

# SimGrid by itself, for what is exported to it: not linked with anything of ours.
$(BUILD)/tests/simgrid-flows: tests/simgrid/simgrid_flows.c
	@mkdir -p $(@D)
	@echo '  LINK    $@'
	@$(CC) -std=c11 -D_GNU_SOURCE $(WARNINGS) -O1 -o $@ $< $(shell pkg-config --cflags --libs simgrid)

$(BUILD)/tests/run: | $(BUILD)/tests/simgrid-flows

BENCH_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/bench/*.c)))
$(BENCH_OBJECTS): CFLAGS_ALL += $(shell pkg-config --cflags check)

$(BUILD)/tests/bench-run: $(BENCH_OBJECTS) $(BUILD)/tests/unit/machine_fixture.o $(BUILD)/libiommusim.a
	@echo '  LINK    $@'
	@$(CC) $(OPT) $(LDFLAGS) -o $@ $^ $(LIBS) $(shell pkg-config --libs check)

bench: $(BUILD)/tests/bench-run
	@$(BUILD)/tests/bench-run $(BUILD)/bench.json

ORACLE_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/oracle/*.c)))

$(BUILD)/tests/oracle-run: $(ORACLE_OBJECTS) $(BUILD)/libiommusim.a
	$(CC) $(OPT) $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: oracle
oracle: $(BUILD)/tests/oracle-run
	@$(BUILD)/tests/oracle-run ../shared results/realworld-misses.md

VALIDATION_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/validation/*.c)))

$(BUILD)/tests/validate-run: $(VALIDATION_OBJECTS) $(BUILD)/libiommusim.a
	@echo '  LINK    $@'
	@$(CC) $(OPT) $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: validate
validate: $(BUILD)/tests/validate-run
	@$(BUILD)/tests/validate-run results/validation.md results/validation

.PHONY: isolation-seen
isolation-seen: $(BUILD)/tests/oracle-run
	@$(BUILD)/tests/oracle-run ../shared --evidence sim/analysis

unit: $(BUILD)/tests/run $(BUILD)/iommusim
	@scripts/run-suites.sh $(BUILD)

demo: setup
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@scripts/demo.sh $(BUILD)/iommusim

check: setup
	@$(MAKE) --no-print-directory -j$$(nproc) check-built

# What the reference machines come to, against results/golden; after a change that is meant: iommusim check results --bless
.PHONY: regress
regress: $(BUILD)/iommusim
	@$(BUILD)/iommusim check results

.PHONY: check-built
check-built: all
	@scripts/check.sh $(BUILD)

# gcc finds conversions in what the sanitizers put in; the ordinary build looks for real ones.
sanitize:
	@$(MAKE) --no-print-directory BUILD=build/sanitize OPT='-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all' \
	    CFLAGS='-Wno-conversion -Wno-sign-conversion' LDFLAGS='-fsanitize=address,undefined' unit

FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

# The sources are built once more, by clang, with coverage for the fuzzer and both sanitizers.
.PHONY: fuzz fuzz-programs
fuzz:
	@scripts/setup.sh fuzz
	@$(MAKE) --no-print-directory BUILD=build/fuzz CC=clang WARNINGS='-Wall -Wno-unknown-warning-option' \
	    OPT='-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' fuzz-programs
	@scripts/fuzz.sh build/fuzz $(FUZZ_SECONDS) $(FUZZ_TARGETS)

fuzz-programs: $(FUZZ_TARGETS:%=$(BUILD)/fuzz_%)

$(BUILD)/fuzz_%: tests/fuzz/fuzz_%.c tests/fuzz/fuzz_dump.h $(BUILD)/libiommusim.a
	@echo '  LINK    $@'
	@$(CC) $(CFLAGS_ALL) -fsanitize=fuzzer -o $@ $< $(BUILD)/libiommusim.a $(LIBS)

format:
	clang-format -i $$(git ls-files -co --exclude-standard '*.c' '*.h')

lint:
	clang-format --dry-run -Werror $$(git ls-files -co --exclude-standard '*.c' '*.h')
	clang-tidy --quiet $(SOURCES) $(WORLD_SOURCES) sim/main.c -- -std=c11 -D_GNU_SOURCE -I. -DIOMMUSIM_VERSION='"x"' $(shell pkg-config --cflags $(PACKAGES) simgrid)

clean:
	rm -rf build

-include $(OBJECTS:.o=.d) $(WORLD_OBJECTS:.o=.d) $(BENCH_OBJECTS:.o=.d) $(ORACLE_OBJECTS:.o=.d) $(VALIDATION_OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d) $(BUILD)/sim/main.d
