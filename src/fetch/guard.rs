//! [`AddressGuard`]: which addresses may be connected. A crawler follows what strangers write, so
//! without it any page could point it at the machine it runs on, the router beside it or the
//! metadata service of its cloud.
//!
//! The guard judges addresses, never names: literal hosts before the request, resolved ones in
//! the resolver, and what the resolver lets through is exactly what is connected. It refuses
//! what the IANA special-purpose registries (RFC 6890 and updates) do not call globally
//! reachable. An IPv6 address that embeds an IPv4 one is judged by the embedded one, because a
//! translator or the kernel would connect there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Judges addresses. Pure; cheap to ask.
#[derive(Clone, Debug, Default)]
pub struct AddressGuard {
    allow: Vec<IpNet>,
}

/// An address that must not be connected, with the network it lies in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address} is not connected: {reason} ({net}); --allow-net {net} would allow it")]
pub struct Refusal {
    /// The address as it was named or resolved.
    pub address: IpAddr,
    /// The refused network that holds it, or the IPv4 address embedded in it.
    pub net: IpNet,
    /// What that network is.
    pub reason: &'static str,
}

impl AddressGuard {
    /// A guard that also lets `allow` through. An IPv4 network there covers the IPv6 forms that
    /// embed its addresses; one that is written as mapped addresses is taken for that IPv4 network.
    pub fn new(allow: Vec<IpNet>) -> Self {
        AddressGuard { allow: allow.into_iter().map(unmapped).collect() }
    }

    /// Whether the address may be connected.
    pub fn allowed(&self, address: IpAddr) -> bool {
        self.check(address).is_ok()
    }

    /// [`allowed`](Self::allowed) with the reason.
    ///
    /// # Errors
    /// [`Refusal`] names the network that is refused.
    pub fn check(&self, address: IpAddr) -> Result<(), Refusal> {
        if self.allow.iter().any(|net| net.contains(&address)) {
            return Ok(());
        }
        let refused = match address {
            IpAddr::V4(v4) => refused_v4(v4),
            IpAddr::V6(v6) => match embedded(v6) {
                Embedded::One(v4) => return self.check_embedded(address, v4),
                Embedded::Two(relay, client) => {
                    return self.check_embedded(address, relay).and(self.check_embedded(address, client));
                }
                Embedded::None => refused_v6(v6),
            },
        };
        refused.map_or(Ok(()), |(net, reason)| Err(Refusal { address, net, reason }))
    }

    fn check_embedded(&self, address: IpAddr, v4: Ipv4Addr) -> Result<(), Refusal> {
        self.check(IpAddr::V4(v4)).map_err(|inner| Refusal { address, ..inner })
    }
}

/// IPv4 networks that are not the public internet, most specific reason first.
const REFUSED_V4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 8), "this host on this network, RFC 791"),
    (v4(10, 0, 0, 0, 8), "private, RFC 1918"),
    (v4(100, 64, 0, 0, 10), "carrier-grade NAT, RFC 6598"),
    (v4(127, 0, 0, 0, 8), "loopback, RFC 1122"),
    (v4(168, 63, 129, 16, 32), "the Azure platform, seen by its virtual machines alone"),
    (v4(169, 254, 0, 0, 16), "link-local, RFC 3927; cloud metadata lives there"),
    (v4(172, 16, 0, 0, 12), "private, RFC 1918"),
    (v4(192, 0, 0, 0, 24), "IETF protocol assignments, RFC 6890"),
    (v4(192, 0, 2, 0, 24), "documentation, RFC 5737"),
    (v4(192, 88, 99, 0, 24), "former 6to4 relays, RFC 7526"),
    (v4(192, 168, 0, 0, 16), "private, RFC 1918"),
    (v4(198, 18, 0, 0, 15), "benchmarking, RFC 2544"),
    (v4(198, 51, 100, 0, 24), "documentation, RFC 5737"),
    (v4(203, 0, 113, 0, 24), "documentation, RFC 5737"),
    (v4(224, 0, 0, 0, 4), "multicast, RFC 5771"),
    (v4(255, 255, 255, 255, 32), "broadcast, RFC 919"),
    (v4(240, 0, 0, 0, 4), "reserved, RFC 1112"),
];

/// IPv6 networks that are refused, with a name for those that deserve one. Everything outside
/// [`GLOBAL_UNICAST`] is refused too, so a list entry there only makes the message better.
const REFUSED_V6: &[(Ipv6Net, &str)] = &[
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "unspecified, RFC 4291"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "loopback, RFC 4291"),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "local IPv4 translation, RFC 8215"),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), "discard only, RFC 6666"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "IETF protocol assignments, RFC 2928"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "documentation, RFC 3849"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "documentation, RFC 9637"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "unique local, RFC 4193"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "link-local, RFC 4291"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "site-local, RFC 3879"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "multicast, RFC 4291"),
];

/// The only IPv6 space that IANA hands out for the public internet (RFC 4291 2.4).
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(s: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]), prefix)
}

fn refused_v4(address: Ipv4Addr) -> Option<(IpNet, &'static str)> {
    REFUSED_V4.iter().find(|(net, _)| net.contains(&address)).map(|&(net, reason)| (IpNet::V4(net), reason))
}

fn refused_v6(address: Ipv6Addr) -> Option<(IpNet, &'static str)> {
    let listed = REFUSED_V6.iter().find(|(net, _)| net.contains(&address));
    if let Some(&(net, reason)) = listed {
        return Some((IpNet::V6(net), reason));
    }
    let own = Ipv6Net::new(address, 128).map(IpNet::V6).ok()?;
    (!GLOBAL_UNICAST.contains(&address)).then_some((own, "outside 2000::/3, the public IPv6 space"))
}

/// `::ffff:10.0.0.0/104` is 10.0.0.0/8.
fn unmapped(net: IpNet) -> IpNet {
    let v4 = match net {
        IpNet::V6(v6) => v6.network().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96)),
        IpNet::V4(_) => None,
    };
    v4.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok()).map_or(net, IpNet::V4)
}

/// IPv4 addresses inside an IPv6 one.
enum Embedded {
    None,
    One(Ipv4Addr),
    Two(Ipv4Addr, Ipv4Addr),
}

fn embedded(address: Ipv6Addr) -> Embedded {
    let octets = address.octets();
    let tail = || Ipv4Addr::new(octets[12], octets[13], octets[14], octets[15]);
    match address.segments() {
        // `::` and `::1` are addresses of their own, not IPv4-compatible ones.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Embedded::None,
        // IPv4-compatible (RFC 4291 2.5.5.1), mapped (2.5.5.2), translated (RFC 2765).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => Embedded::One(tail()),
        // NAT64 (RFC 6052). Where its local sister 64:ff9b:1::/48 puts the IPv4 address depends
        // on the network's own prefix length, so that one is refused whole.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => Embedded::One(tail()),
        // 6to4 (RFC 3056).
        [0x2002, ..] => Embedded::One(Ipv4Addr::new(octets[2], octets[3], octets[4], octets[5])),
        // Teredo (RFC 4380 4): the server in clear, the client with every bit flipped.
        [0x2001, 0, ..] => {
            let server = Ipv4Addr::new(octets[4], octets[5], octets[6], octets[7]);
            Embedded::Two(server, Ipv4Addr::from_bits(!tail().to_bits()))
        }
        _ => Embedded::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(guard: &AddressGuard, address: &str, expected: bool) {
        let parsed = address.parse().unwrap();
        assert_eq!(guard.allowed(parsed), expected, "{address}: {:?}", guard.check(parsed));
    }

    #[test]
    fn the_public_internet_is_allowed() {
        let guard = AddressGuard::default();
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00::",
            "2001:200::1",
            "::ffff:1.1.1.1",
            "::1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:0101:0101::1",
            "2001:0:0101:0101:0:0:fefe:fefe",
        ] {
            check(&guard, address, true);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let guard = AddressGuard::default();
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1.1.1.1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:c0a8:101::1",
            "3fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            // Teredo with a private server, then with a private client.
            "2001:0:0a00:0001:0:0:fefe:fefe",
            "2001:0:0101:0101:0:0:f5ff:fffe",
        ] {
            check(&guard, address, false);
        }
    }

    #[test]
    fn an_allowed_net_allows_itself_and_the_forms_that_embed_it() {
        let guard = AddressGuard::new(vec!["10.1.0.0/16".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        for (address, expected) in [
            ("10.1.2.3", true),
            ("10.2.0.0", false),
            ("::ffff:10.1.2.3", true),
            ("::ffff:10.2.0.0", false),
            ("64:ff9b::10.1.2.3", true),
            ("2002:0a01:0203::", true),
            ("fd12::1", true),
            ("fc12::1", false),
            ("127.0.0.1", false),
        ] {
            check(&guard, address, expected);
        }
    }

    #[test]
    fn an_allowed_net_may_be_written_as_mapped_addresses() {
        let guard =
            AddressGuard::new(vec!["::ffff:10.1.0.0/112".parse().unwrap(), "::ffff:127.0.0.1/128".parse().unwrap()]);
        for (address, expected) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("64:ff9b::10.1.2.3", true),
            ("10.2.0.0", false),
            ("127.0.0.1", true),
            ("127.0.0.2", false),
        ] {
            check(&guard, address, expected);
        }
        // Wider than all of them: nothing but itself.
        let guard = AddressGuard::new(vec!["::/90".parse().unwrap()]);
        check(&guard, "10.0.0.1", false);
    }

    #[test]
    fn a_refusal_names_address_network_and_remedy() {
        let refusal = AddressGuard::default().check("::ffff:10.0.0.1".parse().unwrap()).unwrap_err();
        let expected =
            "::ffff:10.0.0.1 is not connected: private, RFC 1918 (10.0.0.0/8); --allow-net 10.0.0.0/8 would allow it";
        assert_eq!(refusal.to_string(), expected);
    }

    #[test]
    fn the_documented_table_is_the_real_one() {
        let page = include_str!("../../docs/fetching.md");
        let real = REFUSED_V4.iter().map(|(net, _)| net.to_string());
        for net in real.chain(REFUSED_V6.iter().map(|(net, _)| net.to_string())) {
            assert!(
                page.lines().any(|line| line.starts_with("| ") && line.contains(&net)),
                "{net} is not in docs/fetching.md"
            );
        }
    }

    proptest! {
        /// No spelling of an IPv4 address inside IPv6 is judged otherwise than the address.
        #[test]
        fn embedding_changes_nothing(bits: u32) {
            let guard = AddressGuard::default();
            let v4 = Ipv4Addr::from_bits(bits);
            let [a, b, c, d] = v4.octets().map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            let plain = guard.allowed(IpAddr::V4(v4));
            for form in [
                v4.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
            ] {
                prop_assert_eq!(guard.allowed(IpAddr::V6(form)), plain, "{}", form);
            }
        }

        /// The standard library's own words for an address agree with the table.
        #[test]
        fn agrees_with_the_standard_library(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified();
            prop_assert!(!special || !AddressGuard::default().allowed(IpAddr::V4(v4)));
        }
    }
}
