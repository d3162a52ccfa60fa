/* SPDX-License-Identifier: MIT */
/*
 * The memory of a guest's devices as its other devices reach it: the monitor maps each BAR into the guest's
 * domain where the guest has it, far above RAM (QEMU's 64-bit window on hosts of 46 bits and more begins at
 * 56 TiB).
 *
 * MODEL: a BAR is mapped when a device is first to use it, and takes no time (since Linux 6.15 VFIO maps it
 * by the pages of its user mapping: below a millisecond for 32 GiB). It goes when the device goes, and comes
 * back to the same place with it; what that takes is its invalidations.
 */
#include "sim/base/arena.h"
#include "sim/machine/machine_state.h"

static const uint64_t windows_base = UINT64_C(56) << 40, windows_base_small = UINT64_C(1) << 38;

/* Where windows begin, in every unit that the domain is in. */
static uint64_t first_window(const struct machine *machine, uint32_t domain)
{
    for (uint32_t unit = mapping_next_unit(machine, domain, 0); unit != NONE;
         unit = mapping_next_unit(machine, domain, unit + 1)) {
        if (machine->units[unit].parameters.levels < 4)
            return windows_base_small;
    }
    return windows_base;
}

uint64_t guest_window(struct machine *machine, struct guest *guest, uint32_t function_id, uint64_t physical,
                      uint64_t bytes)
{
    const uint64_t large = UINT64_C(1) << PAGE_SHIFT_2M;
    for (uint32_t i = 0; i < guest->window_count; i++) {
        if (guest->windows[i].physical == physical && guest->windows[i].length == bytes)
            return guest->windows[i].guest_physical;
    }
    struct mapping_tables tables = {machine, guest->what->domain};
    uint64_t base = guest->window_count ? guest->windows[guest->window_count - 1].guest_physical +
                                              guest->windows[guest->window_count - 1].length
                                        : first_window(machine, guest->what->domain);
    uint64_t alignment = bytes > large ? bytes : large; /* a power of two, as of every BAR */
    base = (base + alignment - 1) & ~(alignment - 1);
    if (!mapping_tables_map(&tables, base, physical, bytes, true, true))
        return 0;
    guest->windows =
        memory_grow(guest->windows, guest->window_count, &guest->window_capacity, sizeof(*guest->windows));
    guest->windows[guest->window_count++] = (struct guest_window){physical, base, bytes, function_id, true};
    return base;
}

bool guest_has_windows(const struct guest *guest, uint32_t function_id)
{
    for (uint32_t i = 0; i < guest->window_count; i++) {
        if (guest->windows[i].function_id == function_id)
            return true;
    }
    return false;
}

void guest_map_windows(struct machine *machine, struct guest *guest, uint32_t function_id)
{
    struct mapping_tables tables = {machine, guest->what->domain};
    for (uint32_t i = 0; i < guest->window_count; i++) {
        struct guest_window *window = &guest->windows[i];
        if (window->function_id != function_id || window->mapped)
            continue;
        mapping_tables_map(&tables, window->guest_physical, window->physical, window->length, true, true);
        window->mapped = true;
    }
}

void guest_unmap_windows(struct machine *machine, struct guest *guest, uint32_t function_id)
{
    struct mapping_tables tables = {machine, guest->what->domain};
    for (uint32_t i = 0; i < guest->window_count; i++) {
        struct guest_window *window = &guest->windows[i];
        if (window->function_id != function_id || !window->mapped)
            continue;
        mapping_tables_unmap(&tables, window->guest_physical, window->length);
        window->mapped = false;
    }
}
