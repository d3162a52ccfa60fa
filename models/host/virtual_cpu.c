/* SPDX-License-Identifier: MIT */
#include "models/host/virtual_cpu.h"

#include <assert.h>

#define TIME(key, member, text)                                                                              \
    FIELD_ROW_QUANTITY(virtual_cpu_parameters, key, member, UNIT_PICOSECONDS, 0, UINT64_C(1000000000000),    \
                       text)

static const struct field fields[] = {
    TIME("load", load_ps, "a virtual CPU is put on a physical one: until its guest runs"),
    TIME("wake", wake_ps, "the wake-up vector's handler to a sleeping virtual CPU being loaded"),
    TIME("halt_poll", halt_poll_ps, "an idle virtual CPU is not put to sleep before"),
    TIME("move", move_ps, "a virtual CPU taken off one physical CPU until it is loaded on another"),
};

const struct field_table virtual_cpu_fields = {"virtual_cpu", "what the hypervisor takes to schedule guests",
                                               fields, sizeof(fields) / sizeof(fields[0]),
                                               sizeof(struct virtual_cpu_parameters)};

void virtual_cpu_init(struct virtual_cpu *virtual_cpu, uint32_t cpu)
{
    *virtual_cpu = (struct virtual_cpu){.state = VIRTUAL_CPU_RUNNING, .cpu = cpu, .destination = cpu};
}

enum virtual_cpu_notice virtual_cpu_post(struct virtual_cpu *virtual_cpu, bool urgent)
{
    virtual_cpu->counters.posted++;
    virtual_cpu->pending++;
    virtual_cpu->urgent |= urgent;
    if (virtual_cpu->on || (virtual_cpu->sn && !urgent))
        return NOTICE_NONE;
    virtual_cpu->on = true;
    if (virtual_cpu->wake_up_vector) {
        virtual_cpu->counters.wake_ups++;
        return NOTICE_WAKE_UP;
    }
    virtual_cpu->counters.notices++;
    return NOTICE_RUNNING;
}

bool virtual_cpu_notified(struct virtual_cpu *virtual_cpu, enum virtual_cpu_notice notice, uint32_t cpu)
{
    bool runs = virtual_cpu->state == VIRTUAL_CPU_RUNNING,
         waits = virtual_cpu->state == VIRTUAL_CPU_ASLEEP || virtual_cpu->state == VIRTUAL_CPU_OFF;
    bool found = virtual_cpu->cpu == cpu && virtual_cpu->pending && (notice == NOTICE_RUNNING ? runs : waits);
    virtual_cpu->counters.strays += !found;
    return found;
}

uint32_t virtual_cpu_take(struct virtual_cpu *virtual_cpu)
{
    assert(virtual_cpu->state == VIRTUAL_CPU_RUNNING);
    uint32_t messages = virtual_cpu->pending;
    virtual_cpu->pending = 0;
    virtual_cpu->on = virtual_cpu->urgent = false;
    virtual_cpu->counters.taken += messages;
    return messages;
}

uint32_t virtual_cpu_load(struct virtual_cpu *virtual_cpu, uint32_t cpu)
{
    assert(virtual_cpu->state != VIRTUAL_CPU_RUNNING);
    virtual_cpu->counters.loads++;
    virtual_cpu->counters.moves += cpu != virtual_cpu->cpu;
    virtual_cpu->counters.taken_at_load += virtual_cpu->pending;
    virtual_cpu->state = VIRTUAL_CPU_RUNNING;
    virtual_cpu->cpu = virtual_cpu->destination = cpu;
    virtual_cpu->sn = virtual_cpu->wake_up_vector = false;
    virtual_cpu->on = virtual_cpu->pending != 0; /* it looks itself: nobody need tell it (pi_set_on()) */
    return virtual_cpu->pending;
}

bool virtual_cpu_put(struct virtual_cpu *virtual_cpu, enum virtual_cpu_state state)
{
    assert(state != VIRTUAL_CPU_RUNNING);
    assert(virtual_cpu->state == VIRTUAL_CPU_RUNNING || state == VIRTUAL_CPU_STOPPED);
    virtual_cpu->state = state;
    virtual_cpu->wake_up_vector = true;
    virtual_cpu->sn = state != VIRTUAL_CPU_ASLEEP;
    if (state == VIRTUAL_CPU_ASLEEP)
        return virtual_cpu->on;
    virtual_cpu->on = false;
    return virtual_cpu->urgent && state == VIRTUAL_CPU_OFF;
}
