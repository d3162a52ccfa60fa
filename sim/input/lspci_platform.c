/* SPDX-License-Identifier: MIT */
#include "sim/input/lspci_platform.h"

enum { INTEL = 0x8086, CLASS_ISA_BRIDGE = 0x0601, RCBA = 0xf0, RCBA_ENABLE = 1 };

/* ISA bridges with the register: Intel ICH6 to ICH10, the 5 to 9 series, and what was derived from them.
 * Later chipsets use the place for something else. */
static const struct {
    uint16_t first, last;
} rcba_bridges[] = {
    {0x0f1c, 0x0f1c}, /* Bay Trail */
    {0x1c40, 0x1c5f}, /* 6 series */
    {0x1d40, 0x1d41}, /* X79, C600 */
    {0x1e40, 0x1e5f}, /* 7 series */
    {0x1f38, 0x1f3b}, /* Avoton */
    {0x2310, 0x2310}, /* DH89xx */
    {0x2640, 0x2642}, /* ICH6 */
    {0x27b0, 0x27bd}, /* ICH7 */
    {0x2810, 0x2815}, /* ICH8 */
    {0x2910, 0x2919}, /* ICH9 */
    {0x3a10, 0x3a1a}, /* ICH10 */
    {0x3b00, 0x3b1f}, /* 5 series */
    {0x5031, 0x5031}, /* EP80579 */
    {0x8c40, 0x8c5f}, /* 8 series */
    {0x8cc0, 0x8cdf}, /* 9 series */
    {0x8d40, 0x8d5f}, /* X99, C610 */
    {0x9c40, 0x9c5f}, /* 8 series, low power */
    {0x9cc0, 0x9cdf}, /* 9 series, low power */
};

enum knowledge lspci_rcba_state(const struct config_space *space)
{
    if (space->length <= RCBA || config_read16(space, 0) != INTEL ||
        config_read16(space, 0x0a) != CLASS_ISA_BRIDGE)
        return UNKNOWN;
    uint16_t device = config_read16(space, 2);
    for (unsigned i = 0; i < sizeof(rcba_bridges) / sizeof(rcba_bridges[0]); i++) {
        if (device >= rcba_bridges[i].first && device <= rcba_bridges[i].last)
            return config_read8(space, RCBA) & RCBA_ENABLE ? KNOWN_PRESENT : KNOWN_ABSENT;
    }
    return UNKNOWN;
}

void lspci_rcba_put(uint8_t *image, enum knowledge state)
{
    image[RCBA] = state == KNOWN_PRESENT ? RCBA_ENABLE : 0;
}
