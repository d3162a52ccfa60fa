/* SPDX-License-Identifier: MIT */
/**
 * @file virtual_cpu.h
 * A virtual CPU and its posted-interrupt descriptor: what becomes of interrupts while the hypervisor moves it
 * between physical CPUs, takes it off, or lets it sleep (VT-d specification 5.2.3 to 5.2.5; KVM's
 * vmx_vcpu_pi_load() and vmx_vcpu_pi_put() of arch/x86/kvm/vmx/posted_intr.c).
 *
 * The descriptor (64 bytes in memory) holds the interrupts that were posted (PIR), whom to notify (NDST, NV)
 * and whether that is needed: ON, a notification is under way or will be taken note of; SN, none is wanted. A
 * message sets its bit, and where ON is clear, and SN is clear or the message urgent, sets ON and sends NV to
 * NDST. What the hypervisor makes of it:
 *
 *                  | SN | NV           | then
 *   running        | 0  | notification | the CPU moves the interrupts into the guest, without an exit
 *   taken off      | 1  | wake-up      | they wait until it comes back; an urgent one brings it back
 *   asleep (HLT)   | 0  | wake-up      | the host's handler looks at the CPU's list of sleepers, wakes it
 *   stopped        | 1  | wake-up      | (live migration) they go to the other host with the descriptor
 *
 * MODEL: a hypervisor that uses urgent messages clears ON as it takes a CPU off, or one that was sent in vain
 * would keep them from being told of; KVM, which uses none, leaves it as it is, and nobody sees a difference.
 *
 * A notification that comes to a CPU the virtual one has left in between finds nobody: ON stays set and
 * the interrupts wait; whoever is loaded looks at its descriptor before it enters the guest, so none is
 * lost, and since they are taken out at once, none comes twice.
 */
#ifndef IOMMUSIM_HOST_VIRTUAL_CPU_H
#define IOMMUSIM_HOST_VIRTUAL_CPU_H

#include "sim/base/field.h"

#include <stdbool.h>
#include <stdint.h>

enum virtual_cpu_state { VIRTUAL_CPU_RUNNING, VIRTUAL_CPU_OFF, VIRTUAL_CPU_ASLEEP, VIRTUAL_CPU_STOPPED };

struct virtual_cpu_parameters {
    uint64_t load_ps;      /**< a virtual CPU is put on a physical one, until its guest runs */
    uint64_t wake_ps;      /**< the wake-up vector's handler to a sleeper being loaded */
    uint64_t halt_poll_ps; /**< an idle one is not put to sleep before (halt_poll_ns of KVM) */
    uint64_t move_ps;      /**< off one physical CPU until it is loaded on another */
};

extern const struct field_table virtual_cpu_fields;

/** Whom a posted message notifies. */
enum virtual_cpu_notice { NOTICE_NONE, NOTICE_RUNNING, NOTICE_WAKE_UP };

struct virtual_cpu_counters {
    uint64_t posted;               /**< messages */
    uint64_t notices, wake_ups;    /**< sent: to one that runs; the wake-up vector */
    uint64_t strays;               /**< of both, those that found it gone */
    uint64_t loads, taken_at_load; /**< times loaded; messages that waited for it */
    uint64_t taken;                /**< messages, in all */
    uint64_t moves;                /**< to another physical CPU */
};

struct virtual_cpu {
    enum virtual_cpu_state state;
    uint32_t cpu; /**< physical: that it runs on, or ran on last */
    /* The descriptor. */
    uint32_t
        pending; /**< PIR: messages not taken yet. MODEL: messages of one vector are counted one by one */
    bool on, sn, wake_up_vector;
    bool urgent;          /**< one of them is; the hypervisor's to know, in no bit of the descriptor */
    uint32_t destination; /**< NDST */
    struct virtual_cpu_counters counters;
};

/** Running on physical CPU @p cpu, nothing posted. */
void virtual_cpu_init(struct virtual_cpu *virtual_cpu, uint32_t cpu);

/** A unit writes a message into the descriptor. @return what it sends, to NDST */
enum virtual_cpu_notice virtual_cpu_post(struct virtual_cpu *virtual_cpu, bool urgent);

/** A notice arrives at physical CPU @p cpu: does it find the virtual one there, as it was meant? A sleeper is
 * found on the list of the CPU it went to sleep on. */
bool virtual_cpu_notified(struct virtual_cpu *virtual_cpu, enum virtual_cpu_notice notice, uint32_t cpu);

/** What was posted goes into the guest, which runs. @return messages */
uint32_t virtual_cpu_take(struct virtual_cpu *virtual_cpu);

/** It is put on a physical CPU. @return messages that wait: they are taken as it enters the guest */
uint32_t virtual_cpu_load(struct virtual_cpu *virtual_cpu, uint32_t cpu);

/**
 * It leaves its physical CPU; or is stopped, wherever it is.
 * @param state  that it is in from now on
 * @return true: it went to sleep over a message that was just posted, or is taken off with an urgent one, and
 * comes back at once
 */
bool virtual_cpu_put(struct virtual_cpu *virtual_cpu, enum virtual_cpu_state state);

#endif
