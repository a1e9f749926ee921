//! Which addresses may be spoken to when somebody else names the host: public ones, and the networks that the
//! configuration allows. A name is no address: what it resolves to is looked at when the connection is made
//! ([`super::post`]), so that a name which resolves to another address by then leads nowhere.
//!
//! <https://www.iana.org/assignments/iana-ipv4-special-registry>, <https://www.iana.org/assignments/iana-ipv6-special-registry>

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use url::{Host, Url};

/// Public addresses, and those of some networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    allowed: Vec<Network>,
}

impl Guard {
    /// `allowed` are networks that may be spoken to although they are not public.
    pub const fn new(allowed: Vec<Network>) -> Self {
        Self { allowed }
    }

    /// This machine too: for a sandbox.
    pub fn with_loopback() -> Self {
        let v4 = Network { address: IpAddr::V4(Ipv4Addr::LOCALHOST), bits: 8 };
        let v6 = Network { address: IpAddr::V6(Ipv6Addr::LOCALHOST), bits: 128 };
        Self { allowed: vec![v4, v6] }
    }

    /// Every address: for a closed network.
    pub fn with_private() -> Self {
        let v4 = Network { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), bits: 0 };
        let v6 = Network { address: IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED), bits: 0 };
        Self { allowed: vec![v4, v6] }
    }

    pub fn lets(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.allowed.iter().any(|network| network.holds(address))
    }

    /// A URL that notifications may be posted to: `https`, or `http` to this machine where that is allowed.
    ///
    /// # Errors
    /// [`EndpointFault`], which never repeats the text: it may hold a password.
    pub fn endpoint(&self, text: &str) -> Result<Url, EndpointFault> {
        let url = Url::parse(text).map_err(|_| EndpointFault::Unreadable)?;
        if text.len() > LONGEST || text != text.trim() {
            return Err(EndpointFault::Unreadable);
        }
        let host = url.host().ok_or(EndpointFault::Scheme)?;
        let here = match host {
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
            Host::Domain(name) => name == "localhost",
        };
        match url.scheme() {
            "https" => {}
            "http" if here && self.lets(IpAddr::V4(Ipv4Addr::LOCALHOST)) => {}
            _ => return Err(EndpointFault::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointFault::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(EndpointFault::Fragment);
        }
        let named = match host {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => here.then_some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        };
        if named.is_some_and(|address| !self.lets(address)) {
            return Err(EndpointFault::Private);
        }
        Ok(url)
    }
}

/// Why a text is no endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EndpointFault {
    #[error("the endpoint is no URL")]
    Unreadable,
    #[error("the endpoint is not `https`")]
    Scheme,
    #[error("the endpoint holds a user or a password")]
    UserInfo,
    #[error("the endpoint holds a fragment")]
    Fragment,
    #[error("the endpoint's address is private")]
    Private,
}

/// `10.20.0.0/16`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        let same = |mine: u128, other: u128, width: u32| self.bits == 0 || mine >> (width - self.bits) == other >> (width - self.bits);
        match (self.address, address) {
            (IpAddr::V4(mine), IpAddr::V4(other)) => same(u128::from(mine.to_bits()), u128::from(other.to_bits()), 32),
            (IpAddr::V6(mine), IpAddr::V6(other)) => same(mine.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| NoNetwork)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), str::parse).map_err(|_| NoNetwork)?;
        if bits > width { Err(NoNetwork) } else { Ok(Self { address, bits }) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a network is an address and how many of its bits count: `10.20.0.0/16`")]
pub struct NoNetwork;

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = address.is_unspecified()
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast();
    let reserved = match address.octets() {
        [0 | 240..=255, ..] => true,
        // between a provider and its customers
        [100, 64..=127, ..] => true,
        [192, 0, 0, _] | [192, 88, 99, _] => true,
        // benchmarks of devices
        [198, 18 | 19, ..] => true,
        _ => false,
    };
    !special && !reserved
}

/// Global unicast is `2000::/3`; what lies in it and leads elsewhere is left out, tunnels to IPv4 among it.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    match (first, second) {
        // translated to IPv4 (RFC 6052): the last 32 bits
        (0x64, 0xff9b) if address.segments()[2..6] == [0; 4] => {
            let [.., high, low] = address.segments();
            is_public_v4(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)))
        }
        (0x2001, 0..=0x1ff | 0xdb8) | (0x2002, _) | (0x3fff, 0..=0xfff) => false,
        (0x2000..=0x3fff, _) => true,
        _ => false,
    }
}

/// Characters of an endpoint at most.
const LONGEST: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    fn lets(guard: &Guard, address: &str) -> bool {
        guard.lets(address.parse().unwrap())
    }

    #[test]
    fn only_public_addresses_are_spoken_to() {
        let guard = Guard::default();
        for address in ["193.166.3.2", "8.8.8.8", "2001:67c:2b0::1", "2a00:1450::1", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"] {
            assert!(lets(&guard, address), "{address}");
        }
        let private = "0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 192.168.1.1 198.18.0.1 \
                       203.0.113.1 224.0.0.1 255.255.255.255 :: ::1 ::7f00:1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 64:ff9b::a00:1 64:ff9b:1::1 \
                       2001::1 2001:db8::1 2002:a00:1:: fc00::1 fd12::1 fe80::1 ff02::1";
        for address in private.split_whitespace() {
            assert!(!lets(&guard, address), "{address}");
        }
    }

    #[test]
    fn a_network_is_allowed_by_name_and_no_other_with_it() {
        let guard = Guard::new(["10.20.0.0/16", "fd00:1::/32", "192.168.1.7"].map(|network| network.parse().unwrap()).into());
        for address in ["10.20.0.1", "10.20.255.255", "::ffff:10.20.0.1", "fd00:1::9", "192.168.1.7"] {
            assert!(lets(&guard, address), "{address}");
        }
        for address in ["10.21.0.1", "192.168.1.8", "fd00:2::1", "127.0.0.1"] {
            assert!(!lets(&guard, address), "{address}");
        }
        for text in ["10.0.0.0/33", "10.0.0", "x", "", "10.0.0.0/", "::/129", "10.0.0.0/-1"] {
            assert_eq!(text.parse::<Network>(), Err(NoNetwork), "{text}");
        }
    }

    #[test]
    fn an_endpoint_is_https_and_public() {
        let guard = Guard::default();
        assert!(guard.endpoint("https://ehr.example/notify?key=1").is_ok());
        for (text, fault) in [
            ("http://ehr.example/", EndpointFault::Scheme),
            ("ftp://ehr.example/", EndpointFault::Scheme),
            ("mailto:a@ehr.example", EndpointFault::Scheme),
            ("https://user@ehr.example/", EndpointFault::UserInfo),
            ("https://:secret@ehr.example/", EndpointFault::UserInfo),
            ("https://ehr.example/#a", EndpointFault::Fragment),
            ("https://127.0.0.1/", EndpointFault::Private),
            ("https://0x7f.1/", EndpointFault::Private),
            ("https://2130706433/", EndpointFault::Private),
            ("https://[::ffff:10.0.0.1]/", EndpointFault::Private),
            ("https://169.254.169.254/latest", EndpointFault::Private),
            ("https://localhost/", EndpointFault::Private),
            ("http://127.0.0.1:8080/", EndpointFault::Scheme),
            ("ehr.example", EndpointFault::Unreadable),
            (" https://ehr.example/", EndpointFault::Unreadable),
        ] {
            assert_eq!(guard.endpoint(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn http_stays_on_this_machine_where_that_is_allowed() {
        let guard = Guard::with_loopback();
        for text in ["http://127.0.0.1:8080/", "http://localhost/a", "http://[::1]:9/", "https://127.0.0.1/"] {
            assert!(guard.endpoint(text).is_ok(), "{text}");
        }
        assert_eq!(guard.endpoint("http://10.0.0.1/"), Err(EndpointFault::Scheme));
        assert_eq!(guard.endpoint("https://10.0.0.1/"), Err(EndpointFault::Private));
    }
}
