/* SPDX-License-Identifier: MIT */
/* Routing: every rule on a machine made for it, the tables of ACS semantics, completions. */
#include "models/pcie/fabric_acs.h"
#include "tests/unit/fabric_fixture.h"

Suite *route_suite(void);

/** One walk and the text it must give. */
struct route_case {
    const char *machine;
    const char *from;      /**< the issuer */
    const char *to;        /**< function whose first BAR is the address; completions: the requester */
    const char *expected;  /**< as fixture_walk() writes it */
    uint64_t address;      /**< instead of @c to */
    uint16_t requester_id; /**< instead of the issuer's own */
    uint16_t target_id;    /**< of what is routed by id */
    enum transaction_kind kind;
    enum address_type address_type;
    bool peer_to_peer; /**< the root complex routes between its ports */
    bool relaxed_ordering;
    const char *hidden; /**< function whose ACS registers are hidden and assumed to be the kernel's */
    const char *closed; /**< function whose Memory Space Enable is off: nothing claims what it would */
};

#define SWITCH     "rp[acs](up(dp[acs](ep) dp[acs](ep)))"
#define SWITCH_OFF "rp[acs](up(dp[acs=1f:00](ep) dp[acs=1f:00](ep)))"

/* Designated, so that the rest may stay out. */
#define CASE(machine_, from_, to_, expected_, ...)                                                           \
    {                                                                                                        \
        .machine = machine_, .from = from_, .to = to_, .expected = expected_, __VA_ARGS__                    \
    }

static const struct route_case requests[] = {
    /* Nothing claims it. */
    CASE("rp[acs](ep)", "01:00.0", NULL, "01:00.0 upstream, 00:00.0 to-host = host 0100", .address = 0x1000),
    CASE("rp(ep ep@.1)", "01:00.1", NULL, "01:00.1 upstream, 00:00.0 to-host = host 0101", .address = 0x1000),
    CASE("rciep", "00:00.0", NULL, "00:00.0 to-host = host 0000", .address = 0x1000),
    /* Switches. */
    CASE(SWITCH_OFF, "03:00.0", "04:00.0",
         "03:00.0 upstream, 02:00.0 switch-peer, 02:01.0 downstream-window, 04:00.0 bar = 04:00.0"),
    CASE("rp[acs](up(dp(ep) dp(ep)))", "04:00.0", "03:00.0",
         "04:00.0 upstream, 02:01.0 switch-peer, 02:00.0 downstream-window, 03:00.0 bar = 03:00.0"),
    CASE(SWITCH, "03:00.0", "04:00.0",
         "03:00.0 upstream, 02:00.0 request-redirect, 01:00.0 upstream, 00:00.0 upstream-forwarding = host "
         "0300"),
    CASE("rp[acs=1f:0d](up(dp[acs](ep) dp[acs](ep)))", "03:00.0", "04:00.0",
         "03:00.0 upstream, 02:00.0 request-redirect, 01:00.0 upstream, 00:00.0 no-upstream-forwarding = "
         "unsupported-request"),
    /* A port whose capability lacks RR cannot redirect: the switch turns it. */
    CASE("rp[acs](up(dp[acs=11:11](ep) dp[acs](ep)))", "03:00.0", "04:00.0",
         "03:00.0 upstream, 02:00.0 switch-peer, 02:01.0 downstream-window, 04:00.0 bar = 04:00.0"),
    /* Two switches: the upper one's port has the address in its own window, or the other has. */
    CASE("rp[acs](up(dp[acs](up(dp[acs](ep) dp[acs](ep))) dp[acs](ep)))", "05:00.0", "06:00.0",
         "05:00.0 upstream, 04:00.0 request-redirect, 03:00.0 upstream, 02:00.0 upstream-forwarding, 01:00.0 "
         "upstream, 00:00.0 upstream-forwarding = host 0500"),
    CASE("rp[acs](up(dp[acs=1f:00](up(dp[acs](ep) dp[acs](ep))) dp[acs](ep)))", "05:00.0", "07:00.0",
         "05:00.0 upstream, 04:00.0 upstream, 03:00.0 upstream, 02:00.0 switch-peer, 02:01.0 "
         "downstream-window, "
         "07:00.0 bar = 07:00.0"),
    CASE("rp[acs](up(dp[acs=1f:0d](ep[acs=0c:04] ep@.1)))", "03:00.0", "03:00.1",
         "03:00.0 request-redirect, 02:00.0 no-upstream-forwarding = unsupported-request"),
    CASE(SWITCH_OFF, "04:00.0", "03:00.0",
         "04:00.0 upstream, 02:01.0 switch-peer, 02:00.0 unclaimed = unsupported-request",
         .closed = "03:00.0"),
    /* A function beside the downstream ports hangs on the switch's inside. */
    CASE("rp[acs](up(dp[acs](ep) ep@10))", "02:10.0", "03:00.0",
         "02:10.0 switch-peer, 02:00.0 downstream-window, 03:00.0 bar = 03:00.0"),
    CASE("rp[acs](up(dp[acs](ep) ep@10))", "03:00.0", "02:10.0",
         "03:00.0 upstream, 02:00.0 request-redirect, 01:00.0 upstream, 00:00.0 upstream-forwarding = host "
         "0300"),
    CASE("rp[acs](up(dp[acs=1f:00](ep) ep@10))", "03:00.0", "02:10.0",
         "03:00.0 upstream, 02:00.0 switch-peer, 02:10.0 bar = 02:10.0"),
    /* BARs of the ports themselves. */
    CASE("rp[acs](up[bar=64KiB](dp[acs=1f:00](ep)))", "03:00.0", "01:00.0",
         "03:00.0 upstream, 02:00.0 upstream, 01:00.0 switch-upstream-bar = 01:00.0"),
    CASE("rp[acs](up[bar=64KiB](dp[acs](ep)))", "03:00.0", "01:00.0",
         "03:00.0 upstream, 02:00.0 request-redirect, 01:00.0 upstream, 00:00.0 upstream-forwarding = host "
         "0300"),
    CASE("rp[acs](up[bar=64KiB](dp[acs=9f:1d](ep)))", "03:00.0", "01:00.0",
         "03:00.0 upstream, 02:00.0 upstream, 01:00.0 switch-upstream-bar = 01:00.0"),
    CASE("rp[acs](up[bar=64KiB](dp[acs=9f:81d](ep)))", "03:00.0", "01:00.0",
         "03:00.0 upstream, 02:00.0 memory-target-redirect, 01:00.0 upstream, 00:00.0 upstream-forwarding = "
         "host "
         "0300"),
    CASE("rp[acs](up[bar=64KiB](dp[acs=9f:41d](ep)))", "03:00.0", "01:00.0",
         "03:00.0 upstream, 02:00.0 memory-target-block = acs-violation"),
    CASE("rp[acs](up(dp[acs=1f:00,bar=4KiB](ep)))", "03:00.0", "02:00.0",
         "03:00.0 upstream, 02:00.0 port-bar = 02:00.0"),
    CASE("rp[acs](up(dp[acs=9f:21d,bar=4KiB](ep)))", "03:00.0", "02:00.0",
         "03:00.0 upstream, 02:00.0 memory-target-redirect, 01:00.0 upstream, 00:00.0 upstream-forwarding = "
         "host "
         "0300"),
    CASE("rp[acs](up(dp[bar=4KiB](ep) dp[acs=9f:11d](ep)))", "04:00.0", "02:00.0",
         "04:00.0 upstream, 02:01.0 memory-target-block = acs-violation"),
    CASE("rp[acs](up(dp[bar=4KiB](ep) dp[acs=9f:01d](ep)))", "04:00.0", "02:00.0",
         "04:00.0 upstream, 02:01.0 switch-peer, 02:00.0 bar = 02:00.0"),
    /* AtomicOps: every port on the way to a peer routes them, and those they leave by do not block them. */
    CASE("rp(up(dp(ep) dp(ep)))", "03:00.0", "04:00.0",
         "03:00.0 upstream, 02:00.0 switch-peer, 02:01.0 downstream-window, 04:00.0 bar = 04:00.0",
         .kind = TRANSACTION_ATOMIC),
    CASE("rp(up(dp[noatomics](ep) dp(ep)))", "03:00.0", "04:00.0",
         "03:00.0 upstream, 02:00.0 no-atomic-routing = unsupported-request", .kind = TRANSACTION_ATOMIC),
    CASE("rp(up(dp(ep) dp[noatomics](ep)))", "03:00.0", "04:00.0",
         "03:00.0 upstream, 02:00.0 switch-peer, 02:01.0 no-atomic-routing = unsupported-request",
         .kind = TRANSACTION_ATOMIC),
    CASE("rp(up(dp(ep) dp[atomicblock](ep)))", "03:00.0", "04:00.0",
         "03:00.0 upstream, 02:00.0 switch-peer, 02:01.0 atomic-egress = unsupported-request",
         .kind = TRANSACTION_ATOMIC),
    CASE("rp(up(dp[atomicblock](ep) dp(ep)))", "03:00.0", "04:00.0",
         "03:00.0 upstream, 02:00.0 switch-peer, 02:01.0 downstream-window, 04:00.0 bar = 04:00.0",
         .kind = TRANSACTION_ATOMIC),
    CASE("rp(up[atomicblock](dp(ep)))", "03:00.0", NULL,
         "03:00.0 upstream, 02:00.0 upstream, 01:00.0 atomic-egress = unsupported-request",
         .kind = TRANSACTION_ATOMIC, .address = 0x1000),
    CASE("rp[noatomics](up(dp(ep)))", "03:00.0", NULL,
         "03:00.0 upstream, 02:00.0 upstream, 01:00.0 upstream, 00:00.0 to-host = host 0300",
         .kind = TRANSACTION_ATOMIC, .address = 0x1000),
    CASE("rp[noatomics](ep) rp(ep)", "01:00.0", "02:00.0",
         "01:00.0 upstream, 00:00.0 no-atomic-routing = unsupported-request", .kind = TRANSACTION_ATOMIC,
         .peer_to_peer = true),
    CASE("rp(ep) rp[atomicblock](ep)", "01:00.0", "02:00.0",
         "01:00.0 upstream, 00:00.0 root-peer, 00:01.0 atomic-egress = unsupported-request",
         .kind = TRANSACTION_ATOMIC, .peer_to_peer = true),
    /* Holes in the window of a switch. */
    CASE("rp[acs](up(dp[acs](ep) dp(ep)))", "03:00.0", "04:00.0",
         "03:00.0 upstream, 02:00.0 unclaimed = unsupported-request", .closed = "02:01.0"),
    CASE("rp[acs](up(dp[acs=9f:101d](ep) dp(ep)))", "03:00.0", "04:00.0",
         "03:00.0 upstream, 02:00.0 unclaimed-redirect, 01:00.0 upstream, 00:00.0 upstream-forwarding = host "
         "0300",
         .closed = "02:01.0"),
    /* A multifunction upstream port. */
    CASE("rp[acs](up(dp[acs](ep)) ep@.1)", "03:00.0", "01:00.1",
         "03:00.0 upstream, 02:00.0 upstream, 01:00.0 switch-upstream-bar, 01:00.1 bar = 01:00.1"),
    CASE("rp[acs](up[acs](dp[acs](ep)) ep@.1)", "03:00.0", "01:00.1",
         "03:00.0 upstream, 02:00.0 upstream, 01:00.0 request-redirect, 00:00.0 upstream-forwarding = host "
         "0300"),
    CASE("rp[acs](up[acs](dp[acs](ep)) ep@.1)", "01:00.1", "03:00.0",
         "01:00.1 multifunction-no-acs, 01:00.0 downstream-window, 02:00.0 downstream-window, 03:00.0 bar = "
         "03:00.0"),
    /* Multifunction endpoints. */
    CASE("rp[acs](ep ep@.1)", "01:00.0", "01:00.1", "01:00.0 multifunction-no-acs, 01:00.1 bar = 01:00.1"),
    CASE("rp[acs](ep[acs=0c:00] ep@.1)", "01:00.0", "01:00.1",
         "01:00.0 multifunction-peer, 01:00.1 bar = 01:00.1"),
    CASE("rp[acs](ep[acs=0c:04] ep@.1)", "01:00.0", "01:00.1",
         "01:00.0 request-redirect, 00:00.0 upstream-forwarding = host 0100"),
    CASE("rp[acs](ep[acs=00:00] ep@.1)", "01:00.0", "01:00.1",
         "01:00.0 no-peer-function, 00:00.0 upstream-forwarding = host 0100"),
    /* VFs belong to the device of their PF, on whichever bus number. */
    CASE("rp[acs](ep[vf=2:256:1])", "02:00.1", "02:00.0",
         "02:00.1 multifunction-no-acs, 02:00.0 bar = 02:00.0"),
    CASE("rp[acs](ep[vf=2:256:1,acs=0c:04])", "02:00.1", "01:00.0",
         "02:00.1 request-redirect, 00:00.0 upstream-forwarding = host 0201"),
    CASE("rp[acs](up(dp[acs](ep[vf=1]) dp[acs=1f:00](ep)))", "04:00.0", "03:01.0",
         "04:00.0 upstream, 02:01.0 switch-peer, 02:00.0 downstream-window, 03:01.0 bar = 03:01.0"),
    /* Root complex: functions of one device, other devices. */
    CASE("rciep@1f[acs=1f:00] rp@1f.2[acs](ep)", "00:1f.0", "01:00.0",
         "00:1f.0 multifunction-peer, 00:1f.2 downstream-window, 01:00.0 bar = 01:00.0"),
    CASE("rciep@1f[acs=1f:00] rp@1f.2[acs](ep)", "01:00.0", "00:1f.0",
         "01:00.0 upstream, 00:1f.2 request-redirect = host 0100"),
    CASE("rp*2@1c.0(ep)", "01:00.0", "02:00.0",
         "01:00.0 upstream, 00:1c.0 multifunction-no-acs, 00:1c.1 downstream-window, 02:00.0 bar = 02:00.0"),
    CASE("rp*2@1c.0[acs=10:00](ep)", "01:00.0", "02:00.0",
         "01:00.0 upstream, 00:1c.0 no-peer-function = host 0100"),
    CASE("rp(ep) rp(ep)", "01:00.0", "02:00.0", "01:00.0 upstream, 00:00.0 no-peer-routing = host 0100"),
    /* In one slot: what the root complex does is unknown, or stated. */
    CASE("rp(ep) rp@.1(ep)", "01:00.0", "02:00.0",
         "01:00.0 upstream, 00:00.0 multifunction-no-acs, 00:00.1 downstream-window, 02:00.0 bar = 02:00.0"),
    CASE("rp[p2p=none](ep) rp@.1(ep)", "01:00.0", "02:00.0",
         "01:00.0 upstream, 00:00.0 no-peer-routing = host 0100"),
    CASE("rciep[p2p=none] rciep@.1", "00:00.0", "00:00.1",
         "00:00.0 multifunction-no-acs, 00:00.1 bar = 00:00.1"),
    CASE("rp(ep) rp(ep)", "01:00.0", "02:00.0",
         "01:00.0 upstream, 00:00.0 root-peer, 00:01.0 downstream-window, 02:00.0 bar = 02:00.0",
         .peer_to_peer = true),
    CASE("rp[acs](ep) rp(ep)", "01:00.0", "02:00.0", "01:00.0 upstream, 00:00.0 request-redirect = host 0100",
         .peer_to_peer = true),
    CASE("rp(ep)|bus=40: rp(ep) rciep", "01:00.0", "40:01.0",
         "01:00.0 upstream, 00:00.0 root-peer, 40:01.0 bar = 40:01.0", .peer_to_peer = true),
    CASE("rp[bar=4KiB](ep)", "01:00.0", "00:00.0", "01:00.0 upstream, 00:00.0 port-bar = 00:00.0"),
    CASE("rp[acs,bar=4KiB](ep)", "01:00.0", "00:00.0",
         "01:00.0 upstream, 00:00.0 request-redirect = host 0100"),
    CASE("rp[acs=9f:11d](ep) rp[bar=4KiB](ep)", "01:00.0", "00:01.0",
         "01:00.0 upstream, 00:00.0 memory-target-block = acs-violation", .peer_to_peer = true),
    /* Intel: the chipset isolates root ports without ACS, the root complex its integrated endpoints. */
    CASE("rp@1c[id=8086:1c10](ep) rp@1c.1[id=8086:1c12](ep)", "01:00.0", "02:00.0",
         "01:00.0 upstream, 00:1c.0 peer-decode-off = host 0100"),
    CASE("rciep@14[id=8086:a36d] rciep@.2[id=8086:a36f]", "00:14.0", "00:14.2",
         "00:14.0 peer-decode-off = host 00a0"),
    /* A dump that hides registers: as assumed. */
    CASE("rp*2@1c.0(ep)", "01:00.0", "02:00.0", "01:00.0 upstream, 00:1c.0 assumed-redirect = host 0100",
         .hidden = "00:1c.0"),
    /* Conventional buses. */
    CASE("rp[acs](pcie2pci(pci pci))", "02:00.0", "02:01.0",
         "02:00.0 conventional-bus, 02:01.0 bar = 02:01.0"),
    CASE("rp[acs](pcie2pci(pci pci))", "02:01.0", NULL,
         "02:01.0 upstream, 01:00.0 upstream, 00:00.0 to-host = host 0200", .address = 0x1000),
    CASE("rp[acs](pcie2pci(pci pci))", "02:00.0", "02:01.0", "02:00.0 unclaimed = master-abort",
         .closed = "02:01.0"),
    CASE("rp[acs](pcie2pci[bar=4KiB](pci))", "02:00.0", "01:00.0",
         "02:00.0 upstream, 01:00.0 port-bar = 01:00.0"),
    CASE("pcibridge(pci pcibridge(pci))", "02:00.0", "01:00.0",
         "02:00.0 upstream, 01:01.0 conventional-bus, 01:00.0 bar = 01:00.0"),
    CASE("pcibridge(pci pcibridge(pci))", "01:00.0", "02:00.0",
         "01:00.0 conventional-bus, 01:01.0 downstream-window, 02:00.0 bar = 02:00.0"),
    /* Who is seen as requester: below a bridge on the root bus the bridge, below a link secondary:00.0. */
    CASE("pcibridge@1e(pci@5)", "01:05.0", NULL, "01:05.0 upstream, 00:1e.0 to-host = host 00f0",
         .address = 0x1000),
    CASE("rp[acs](pcibridge(pci@5))", "02:05.0", NULL,
         "02:05.0 upstream, 01:00.0 upstream, 00:00.0 to-host = host 0200", .address = 0x1000),
    CASE("rp[acs](pcie2pci(pcibridge@3(pci)))", "03:00.0", NULL,
         "03:00.0 upstream, 02:03.0 upstream, 01:00.0 upstream, 00:00.0 to-host = host 0200",
         .address = 0x1000),
    CASE("rp[acs](pcie2pci[id=1a03:1150](pci@5))", "02:05.0", NULL,
         "02:05.0 upstream, 01:00.0 upstream, 00:00.0 to-host = host 0228", .address = 0x1000),
    CASE("pcibridge(pci2pcie@2(ep))", "02:00.0", NULL,
         "02:00.0 upstream, 01:02.0 upstream, 00:00.0 to-host = host 0000", .address = 0x1000),
    CASE("rp[acs](pcie2pci(pci) pcie2pci@.1(pci))", "02:00.0", "03:00.0",
         "02:00.0 upstream, 01:00.0 multifunction-no-acs, 01:00.1 downstream-window, 03:00.0 bar = 03:00.0"),
    /* Interrupt messages never go to a peer. */
    CASE("rp*2@1c.0(ep)", "01:00.0", NULL, "01:00.0 msi-window, 00:1c.0 msi-window = host 0100",
         .address = 0xfee00000),
    CASE("rp[acs](pcie2pci(pci pci))", "02:01.0", NULL,
         "02:01.0 msi-window, 01:00.0 msi-window, 00:00.0 msi-window = host 0200", .address = 0xfeefffff),
    /* Source Validation and Translation Blocking. */
    CASE("rp[acs](ep)", "01:00.0", NULL, "01:00.0 upstream, 00:00.0 source-validation = acs-violation",
         .address = 0x1000, .requester_id = 0x0700),
    CASE("rp[acs=1f:1c](ep)", "01:00.0", NULL, "01:00.0 upstream, 00:00.0 to-host = host 0700",
         .address = 0x1000, .requester_id = 0x0700),
    CASE("rp[acs=1f:1f](ep)", "01:00.0", NULL,
         "01:00.0 upstream, 00:00.0 translation-blocking = acs-violation", .address = 0x1000,
         .address_type = ADDRESS_TRANSLATED),
    CASE("rp[acs=1f:1f](ep)", "01:00.0", NULL,
         "01:00.0 upstream, 00:00.0 translation-blocking = acs-violation", .address = 0x1000,
         .address_type = ADDRESS_TRANSLATION_REQUEST),
    CASE("rp[acs=1f:1f](ep)", "01:00.0", NULL, "01:00.0 upstream, 00:00.0 to-host = host 0100",
         .address = 0x1000),
    /* I/O requests: by port; ACS Enhanced can block them; nothing above the root takes them. */
    CASE("rp[acs](ep)", "01:00.0", NULL, "01:00.0 upstream, 00:00.0 to-host = host 0100", .address = 0x3f8,
         .kind = TRANSACTION_IO),
    CASE("rp[acs=9f:9d](ep)", "01:00.0", NULL, "01:00.0 upstream, 00:00.0 io-blocking = acs-violation",
         .address = 0x3f8, .kind = TRANSACTION_IO),
    CASE("rp[acs=1f:9d](ep)", "01:00.0", NULL, "01:00.0 upstream, 00:00.0 to-host = host 0100",
         .address = 0x3f8, .kind = TRANSACTION_IO),
    /* Configuration requests go downward, but for conventional buses. */
    CASE("rp[acs](up(dp(ep) dp(ep)))", "03:00.0", NULL,
         "03:00.0 upstream, 02:00.0 configuration-upstream = unsupported-request",
         .kind = TRANSACTION_CONFIGURATION, .target_id = 0x0400),
    CASE("rp(ep ep@.1)", "01:00.0", NULL,
         "01:00.0 upstream, 00:00.0 configuration-upstream = unsupported-request",
         .kind = TRANSACTION_CONFIGURATION, .target_id = 0x0101),
    CASE("rciep rp(ep)", "00:00.0", NULL, "00:00.0 to-host = host 0000", .kind = TRANSACTION_CONFIGURATION,
         .target_id = 0x0100),
    CASE("rp[acs](pcie2pci(pci pcibridge(pci)))", "02:00.0", NULL,
         "02:00.0 conventional-bus, 02:01.0 downstream-bus, 03:00.0 id = 03:00.0",
         .kind = TRANSACTION_CONFIGURATION, .target_id = 0x0300),
    CASE("rp[acs](pcie2pci(pci))", "02:00.0", NULL,
         "02:00.0 upstream, 01:00.0 configuration-upstream = master-abort", .kind = TRANSACTION_CONFIGURATION,
         .target_id = 0x0000),
    /* Messages by id obey the redirects of requests, source validation, but not translation blocking. */
    CASE(SWITCH_OFF, "03:00.0", NULL,
         "03:00.0 upstream, 02:00.0 switch-peer, 02:01.0 downstream-bus, 04:00.0 id = 04:00.0",
         .kind = TRANSACTION_MESSAGE_BY_ID, .target_id = 0x0400),
    CASE(SWITCH, "03:00.0", NULL,
         "03:00.0 upstream, 02:00.0 request-redirect, 01:00.0 upstream, 00:00.0 upstream-forwarding = host "
         "0300",
         .kind = TRANSACTION_MESSAGE_BY_ID, .target_id = 0x0400),
    CASE("rp[acs=1f:1f](ep)", "01:00.0", NULL, "01:00.0 upstream, 00:00.0 to-host = host 0100",
         .kind = TRANSACTION_MESSAGE_TO_ROOT, .address_type = ADDRESS_TRANSLATED),
    CASE("rp[acs](ep)", "01:00.0", NULL, "01:00.0 upstream, 00:00.0 source-validation = acs-violation",
         .kind = TRANSACTION_MESSAGE_TO_ROOT, .requester_id = 0x0007),
    CASE("rp[acs](pcie2pci(pci) pcie2pci@.1(pci))", "02:00.0", NULL,
         "02:00.0 not-conventional = unsupported-request", .kind = TRANSACTION_MESSAGE_BY_ID,
         .target_id = 0x0300),
    CASE("rp(up(dp(pcie2pci(pci)) dp(ep)))", "05:00.0", "04:00.0",
         "05:00.0 upstream, 02:01.0 switch-peer, 02:00.0 downstream-window, 03:00.0 not-conventional = "
         "unsupported-request",
         .kind = TRANSACTION_ATOMIC),
    /* PCI-X: writes keep their requester's id, reads are the bridge's. */
    CASE("rp[acs](pcie2pci[pcix](pci@3[pcix]))", "02:03.0", NULL,
         "02:03.0 upstream, 01:00.0 upstream, 00:00.0 to-host = host 0218", .address = 0x1000,
         .kind = TRANSACTION_MEMORY_WRITE),
    CASE("rp[acs](pcie2pci[pcix](pci@3[pcix]))", "02:03.0", NULL,
         "02:03.0 upstream, 01:00.0 upstream, 00:00.0 to-host = host 0200", .address = 0x1000),
    CASE("rp[acs](pcie2pci[pcix](pci@3[pcix] pci@4))", "02:03.0", NULL,
         "02:03.0 upstream, 01:00.0 upstream, 00:00.0 to-host = host 0200", .address = 0x1000,
         .kind = TRANSACTION_MEMORY_WRITE),
    /* Atomics are routed like writes. */
    CASE(SWITCH_OFF, "03:00.0", "04:00.0",
         "03:00.0 upstream, 02:00.0 switch-peer, 02:01.0 downstream-window, 04:00.0 bar = 04:00.0",
         .kind = TRANSACTION_ATOMIC),
};

static const struct route_case completions[] = {
    CASE(SWITCH_OFF, "04:00.0", "03:00.0",
         "04:00.0 upstream, 02:01.0 switch-peer, 02:00.0 downstream-bus, 03:00.0 completion-arrived = "
         "03:00.0"),
    CASE(
        SWITCH, "04:00.0", "03:00.0",
        "04:00.0 upstream, 02:01.0 completion-redirect, 01:00.0 upstream, 00:00.0 upstream-forwarding = host "
        "0300"),
    CASE(
        SWITCH, "04:00.0", "03:00.0",
        "04:00.0 upstream, 02:01.0 switch-peer, 02:00.0 downstream-bus, 03:00.0 completion-arrived = 03:00.0",
        .relaxed_ordering = true),
    CASE("rp[acs](ep) rp[acs](ep)", "02:00.0", "01:00.0",
         "02:00.0 upstream, 00:01.0 completion-redirect = host 0100"),
    CASE("rp(ep) rp(ep)", "02:00.0", "01:00.0", "02:00.0 upstream, 00:01.0 no-peer-routing = host 0100"),
    CASE("rp(ep) rp(ep)", "02:00.0", "01:00.0",
         "02:00.0 upstream, 00:01.0 root-peer, 00:00.0 downstream-bus, 01:00.0 completion-arrived = 01:00.0",
         .peer_to_peer = true),
    CASE("rp(ep ep@.1)", "01:00.1", "01:00.0",
         "01:00.1 multifunction-peer, 01:00.0 completion-arrived = 01:00.0"),
    CASE("rp[acs](ep[vf=2:256:1])", "01:00.0", "02:00.1",
         "01:00.0 multifunction-peer, 02:00.1 completion-arrived = 02:00.1"),
    /* Ports and bridges answer for their BARs to what is below. */
    CASE("rp[acs](up(dp[acs,bar=4KiB](ep)))", "02:00.0", "03:00.0",
         "02:00.0 downstream-bus, 03:00.0 completion-arrived = 03:00.0"),
    CASE("rp[acs](up(dp[acs,bar=4KiB](ep[vf=1])))", "02:00.0", "03:01.0",
         "02:00.0 downstream-bus, 03:01.0 completion-arrived = 03:01.0"),
    CASE("rp[acs](pcie2pci[bar=4KiB](pci@0 pci@1))", "01:00.0", NULL, "01:00.0 completion-arrived = 01:00.0",
         .requester_id = 0x0200),
    CASE("rp[acs](up[bar=4KiB](dp[acs](ep)))", "01:00.0", "03:00.0",
         "01:00.0 downstream-bus, 02:00.0 downstream-bus, 03:00.0 completion-arrived = 03:00.0"),
    /* The bridge owns the requests from its conventional bus. */
    CASE(
        "rp(up(dp(pcie2pci(pci@3)) dp(ep)))", "05:00.0", NULL,
        "05:00.0 upstream, 02:01.0 switch-peer, 02:00.0 downstream-bus, 03:00.0 completion-arrived = 03:00.0",
        .requester_id = 0x0400),
    CASE("rp(up(dp(ep) dp(ep)))", "04:00.0", NULL,
         "04:00.0 upstream, 02:01.0 switch-peer, 02:00.0 unclaimed = unsupported-request",
         .requester_id = 0x0305),
    CASE("rp(up(dp(ep) dp(ep)))", "04:00.0", NULL,
         "04:00.0 upstream, 02:01.0 unclaimed = unsupported-request", .requester_id = 0x0230),
};

static uint64_t case_address(struct topology *topology, const struct route_case *test)
{
    if (!test->to)
        return test->address;
    const struct pci_function *target = fixture_function(topology, test->to);
    ck_assert_msg(target->bars[0].assigned, "%s: %s has no BAR", test->machine, test->to);
    return target->bars[0].address;
}

static void check_cases(const struct route_case *cases, size_t count, bool completion, bool *seen)
{
    for (size_t i = 0; i < count; i++) {
        const struct route_case *test = &cases[i];
        struct topology *topology = fixture_machine(test->machine);
        topology->root_complex_peer_to_peer = test->peer_to_peer;
        if (test->closed)
            fixture_function(topology, test->closed)->memory_space = false;
        uint16_t *control = arena_array(topology->arena, topology->function_count, sizeof(control[0]));
        fabric_acs_in_force(topology, NULL, true, control);
        if (test->hidden) {
            fixture_function(topology, test->hidden)->acs_unknown = true;
            control[fixture_function(topology, test->hidden)->id] = 0x1d;
        }
        struct fabric *fabric = fabric_new(topology->arena, topology, control);
        const struct pci_function *from = fixture_function(topology, test->from);
        uint16_t id = test->requester_id ? test->requester_id : pci_requester_id(from->bus, from->devfn);
        struct transaction transaction = {.kind = test->kind,
                                          .address_type = test->address_type,
                                          .requester_id = id,
                                          .target_id = test->target_id,
                                          .relaxed_ordering = test->relaxed_ordering};
        if (completion) {
            transaction.kind = TRANSACTION_COMPLETION;
            if (test->to) {
                const struct pci_function *to = fixture_function(topology, test->to);
                transaction.requester_id = pci_requester_id(to->bus, to->devfn);
            }
        } else {
            transaction.address = case_address(topology, test);
        }
        struct text_buffer text = {0};
        fixture_walk(fabric, transaction, (struct route_place){from->id, SIDE_SELF}, seen, &text);
        ck_assert_msg(strcmp(text_buffer_get(&text), test->expected) == 0, "%s, %s to %s:\n%s, not\n%s",
                      test->machine, test->from, test->to ? test->to : "address", text_buffer_get(&text),
                      test->expected);
        text_buffer_fini(&text);
        topology_free(topology);
    }
}

/** PCIe Base Spec 6.12.3: RR, EC and the vector bit, and DT; at a switch port, a root port, a function. */
static void check_egress_table(bool *seen)
{
    static const struct {
        const char *machine, *from, *port, *to, *direct;
        unsigned bit; /**< of the target in the port's vector */
    } places[] = {
        {"rp[acs](up(dp@3[acs=7f:%02x](ep) dp@5[acs](ep)))", "03:00.0", "02:03.0", "04:00.0", "switch-peer",
         5},
        {"rp@1[acs=7f:%02x](ep) rp@6[acs](ep)", "01:00.0", "00:01.0", "02:00.0", "root-peer", 6},
        {"rp[acs](ep[acs=7f:%02x] ep@.3)", "01:00.0", "01:00.0", "01:00.3", "multifunction-peer", 3},
    };
    static const struct {
        uint16_t control;
        bool bit, translated;
        const char *expected; /**< NULL: the plain turn of the place */
    } rows[] = {
        {0x00, false, false, NULL},
        {0x00, true, false, NULL},
        {ACS_REQUEST_REDIRECT, false, false, "request-redirect"},
        {ACS_REQUEST_REDIRECT, true, false, "request-redirect"},
        {ACS_EGRESS_CONTROL, true, false, "egress-control"},
        {ACS_EGRESS_CONTROL, false, false, "egress-allowed"},
        {ACS_EGRESS_CONTROL | ACS_REQUEST_REDIRECT, true, false, "request-redirect"},
        {ACS_EGRESS_CONTROL | ACS_REQUEST_REDIRECT, false, false, "egress-allowed"},
        {ACS_DIRECT_TRANSLATED, false, true, NULL},
        {ACS_DIRECT_TRANSLATED | ACS_REQUEST_REDIRECT, false, true, "direct-translated"},
        {ACS_DIRECT_TRANSLATED | ACS_REQUEST_REDIRECT, false, false, "request-redirect"},
        {ACS_DIRECT_TRANSLATED | ACS_EGRESS_CONTROL, true, true, "direct-translated"},
        {ACS_DIRECT_TRANSLATED | ACS_EGRESS_CONTROL, true, false, "egress-control"},
        {ACS_REQUEST_REDIRECT, false, true, "request-redirect"},
    };
    for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
        for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
            char machine[128];
            snprintf(machine, sizeof(machine), places[p].machine, rows[r].control);
            struct topology *topology = fixture_machine(machine);
            topology->root_complex_peer_to_peer = true;
            struct acs *acs = &fixture_function(topology, places[p].port)->acs;
            acs->egress_vector = rows[r].bit ? 1U << places[p].bit : ~(1U << places[p].bit);
            acs->egress_vector_known = true;
            struct fabric *fabric = fabric_new(topology->arena, topology, NULL);
            const struct pci_function *from = fixture_function(topology, places[p].from);
            const struct pci_function *to = fixture_function(topology, places[p].to);
            struct transaction transaction = {.address = to->bars[0].address,
                                              .requester_id = pci_requester_id(from->bus, from->devfn),
                                              .address_type = rows[r].translated ? ADDRESS_TRANSLATED
                                                                                 : ADDRESS_UNTRANSLATED};
            struct text_buffer text = {0};
            fixture_walk(fabric, transaction, (struct route_place){from->id, SIDE_SELF}, seen, &text);
            char expected[64];
            snprintf(expected, sizeof(expected), "%s %s", places[p].port,
                     rows[r].expected ? rows[r].expected : places[p].direct);
            ck_assert_msg(strstr(text_buffer_get(&text), expected) != NULL, "%s bit %d: %s, not %s", machine,
                          rows[r].bit, text_buffer_get(&text), expected);
            text_buffer_fini(&text);
            topology_free(topology);
        }
    }
}

/** What the host does with what left the fabric, by how it stands to the sender. */
static void check_host(bool *seen)
{
    static const struct {
        struct requester_standing standing;
        enum transaction_kind kind;
        enum address_type address_type;
        const char *to; /**< function whose first BAR is the address, or whose id it is for */
        uint64_t address;
        enum route_action action;
        enum route_rule rule;
    } rows[] = {
        {{true, true, false}, TRANSACTION_MEMORY_READ, 0, "02:00.0", 0, ROUTE_HOST, RULE_TO_HOST},
        {{true, false, false}, TRANSACTION_MEMORY_READ, 0, "02:00.0", 0, ROUTE_MOVE, RULE_DOWNSTREAM_WINDOW},
        {{true, false, false}, TRANSACTION_MEMORY_READ, 0, "40:00.0", 0, ROUTE_BLOCK, RULE_NO_PEER_ROUTING},
        {{true, false, false}, TRANSACTION_MEMORY_READ, 0, NULL, 0x1000, ROUTE_HOST, RULE_TO_HOST},
        {{false, true, false}, TRANSACTION_ATOMIC, 0, NULL, 0x1000, ROUTE_BLOCK, RULE_UNKNOWN_REQUESTER},
        {{true, true, false}, TRANSACTION_MEMORY_WRITE, 2, NULL, 0x1000, ROUTE_BLOCK, RULE_ATS_REFUSED},
        {{true, true, true}, TRANSACTION_MEMORY_WRITE, 2, NULL, 0x1000, ROUTE_HOST, RULE_ATS_TRUSTED},
        {{true, true, true}, TRANSACTION_MEMORY_WRITE, 2, "02:00.0", 0, ROUTE_MOVE, RULE_ATS_TRUSTED},
        {{true, true, true}, TRANSACTION_MEMORY_WRITE, 2, "40:00.0", 0, ROUTE_MOVE, RULE_ATS_TRUSTED},
        {{true, true, true}, TRANSACTION_MEMORY_READ, 1, NULL, 0x1000, ROUTE_HOST, RULE_TO_HOST},
        {{true, true, false}, TRANSACTION_MEMORY_READ, 1, NULL, 0x1000, ROUTE_BLOCK, RULE_ATS_REFUSED},
        {{true, false, false}, TRANSACTION_MEMORY_READ, 1, NULL, 0x1000, ROUTE_BLOCK, RULE_ATS_REFUSED},
        {{true, true, false}, TRANSACTION_MEMORY_WRITE, 0, NULL, 0xfee00000, ROUTE_HOST, RULE_MSI_WINDOW},
        {{true, true, false}, TRANSACTION_MEMORY_READ, 0, NULL, 0xfee00000, ROUTE_BLOCK, RULE_UNCLAIMED},
        {{true, true, false}, TRANSACTION_IO, 0, NULL, 0x3f8, ROUTE_BLOCK, RULE_NOT_FOR_HOST},
        {{true, false, false}, TRANSACTION_CONFIGURATION, 0, "02:00.0", 0, ROUTE_BLOCK, RULE_NOT_FOR_HOST},
        {{true, true, false}, TRANSACTION_MESSAGE_TO_ROOT, 0, NULL, 0, ROUTE_HOST, RULE_TO_HOST},
        {{true, true, false}, TRANSACTION_MESSAGE_BY_ID, 0, "02:00.0", 0, ROUTE_MOVE, RULE_DOWNSTREAM_BUS},
        {{true, true, false}, TRANSACTION_MESSAGE_BY_ID, 0, "40:00.0", 0, ROUTE_BLOCK, RULE_NO_PEER_ROUTING},
        {{true, true, false}, TRANSACTION_MESSAGE_BY_ID, 0, NULL, 0, ROUTE_BLOCK, RULE_UNCLAIMED},
        {{true, true, false}, TRANSACTION_COMPLETION, 0, "40:00.0", 0, ROUTE_MOVE, RULE_DOWNSTREAM_BUS},
    };
    struct topology *topology = fixture_machine("rp(ep) rp(ep) | bus=40: rciep");
    topology->host_bridges[0].peer_routing = PEER_ROUTING_WITHIN;
    struct fabric *fabric = fabric_new(topology->arena, topology, NULL);
    uint32_t left_id = fixture_function(topology, "00:00.0")->id;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct transaction transaction = {.kind = rows[i].kind,
                                          .address_type = rows[i].address_type,
                                          .address = rows[i].address,
                                          .target_id = 0x7700,
                                          .requester_id = 0x0100};
        if (rows[i].to) {
            const struct pci_function *to = fixture_function(topology, rows[i].to);
            transaction.address = to->bars[0].address;
            transaction.target_id = pci_requester_id(to->bus, to->devfn);
            if (rows[i].kind == TRANSACTION_COMPLETION)
                transaction.requester_id = transaction.target_id;
        }
        struct route_decision decision = route_at_host(fabric, &transaction, left_id, rows[i].standing);
        ck_assert_msg(decision.action == rows[i].action && decision.rule == rows[i].rule, "row %zu: %s", i,
                      route_rule_name(decision.rule));
        ck_assert((decision.error == ROUTE_NO_ERROR) == (decision.action != ROUTE_BLOCK));
        seen[decision.rule] = true;
    }
    topology_free(topology);
}

START_TEST(every_rule_decides_where_it_should)
{
    bool seen[RULE_COUNT] = {false};
    check_cases(requests, sizeof(requests) / sizeof(requests[0]), false, seen);
    check_cases(completions, sizeof(completions) / sizeof(completions[0]), true, seen);
    check_egress_table(seen);
    check_host(seen);
    for (int rule = 0; rule < RULE_COUNT; rule++) {
        ck_assert_msg(seen[rule], "no case meets rule %s", route_rule_name((enum route_rule)rule));
        ck_assert_ptr_nonnull(route_rule_text((enum route_rule)rule));
        for (int other = 0; other < rule; other++)
            ck_assert_str_ne(route_rule_name((enum route_rule)rule), route_rule_name((enum route_rule)other));
    }
}
END_TEST

Suite *route_suite(void)
{
    Suite *suite = suite_create("route");
    TCase *tests = tcase_create("route");
    tcase_add_test(tests, every_rule_decides_where_it_should);
    suite_add_tcase(suite, tests);
    return suite;
}
