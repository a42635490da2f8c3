//! Which addresses are on the public Internet (IANA's special-purpose address registries).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is a public unicast one. Whatever is special in any way is not: private, loopback, link-local
/// (cloud metadata among it), shared, documentation, multicast, and each IPv6 form that carries an IPv4 address.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        // This network, private, loopback, multicast and reserved.
        (0 | 10 | 127 | 224..=255, _, _)
            // Shared address space of carriers (RFC 6598), where some clouds keep their metadata.
            | (100, 64..=127, _)
            // Link-local: cloud metadata.
            | (169, 254, _)
            | (172, 16..=31, _)
            // IETF protocol assignments, and documentation.
            | (192, 0, 0 | 2)
            // 6to4 relays.
            | (192, 88, 99)
            | (192, 168, _)
            // Benchmarks, and documentation.
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, _, _, fifth, sixth, ..] = address.segments();
    // Global unicast is 2000::/3. Outside it lie loopback, link-local, unique local and multicast, and also the
    // IPv4-mapped (::ffff:0:0/96), IPv4-compatible and NAT64 (64:ff9b::/96, 64:ff9b:1::/48) forms.
    let unicast = first & 0xe000 == 0x2000;
    let special = matches!(
        (first, second),
        // IETF protocol assignments, Teredo among them, and documentation.
        (0x2001, 0..=0x01ff | 0x0db8)
            // 6to4 carries an IPv4 address.
            | (0x2002, _)
            // Documentation (RFC 9637).
            | (0x3fff, 0..=0x0fff)
    );
    // ISATAP (RFC 5214) carries an IPv4 address under any prefix.
    let isatap = sixth == 0x5efe && fifth & 0xfcff == 0;
    unicast && !special && !isatap
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_public() {
        for text in [
            "1.1.1.1",
            "93.184.216.34",
            "100.63.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert!(is_public(text.parse().expect("an address")), "{text}");
        }
    }

    #[test]
    fn special_addresses_are_not() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:93.184.216.34",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2606:4700::5efe:7f00:1",
            "2606:4700::200:5efe:a9fe:a9fe",
            "5f00::1",
        ] {
            assert!(!is_public(text.parse().expect("an address")), "{text}");
        }
    }
}
