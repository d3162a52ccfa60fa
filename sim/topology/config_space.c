/* SPDX-License-Identifier: MIT */
#include "sim/topology/config_space.h"

#include "sim/topology/config_registers.h"

enum {
    CAPABILITY_LIMIT = 48, /* Linux: PCI_FIND_CAP_TTL */
    EXTENDED_LIMIT = (CONFIG_EXPRESS_SIZE - CONFIG_EXTENDED_START) / 8,
};

uint8_t config_read8(const struct config_space *space, unsigned offset)
{
    return offset < space->length ? space->bytes[offset] : 0;
}

uint16_t config_read16(const struct config_space *space, unsigned offset)
{
    return (uint16_t)(config_read8(space, offset) | config_read8(space, offset + 1) << 8);
}

uint32_t config_read32(const struct config_space *space, unsigned offset)
{
    return config_read16(space, offset) | (uint32_t)config_read16(space, offset + 2) << 16;
}

unsigned config_find_capability(const struct config_space *space, uint8_t id)
{
    if (!(config_read16(space, REG_STATUS) & STATUS_CAPABILITIES))
        return 0;
    unsigned type = config_read8(space, REG_HEADER_TYPE) & 0x7fU;
    unsigned offset = config_read8(space, type == 2 ? REG_CARDBUS_CAPABILITIES : REG_CAPABILITIES);
    for (int left = CAPABILITY_LIMIT; left > 0 && offset >= CONFIG_HEADER_SIZE; left--) {
        offset &= ~3U;
        unsigned found = config_read8(space, offset);
        if (found == 0xff)
            return 0;
        if (found == id && offset < space->length)
            return offset;
        offset = config_read8(space, offset + 1);
    }
    return 0;
}

unsigned config_find_extended(const struct config_space *space, uint16_t id)
{
    unsigned offset = CONFIG_EXTENDED_START;
    for (int left = EXTENDED_LIMIT; left > 0 && offset >= CONFIG_EXTENDED_START; left--) {
        uint32_t header = config_read32(space, offset);
        if (header == 0 || header == UINT32_MAX)
            return 0;
        if ((header & 0xffff) == id)
            return offset;
        offset = header >> 20 & 0xffcU;
    }
    return 0;
}
