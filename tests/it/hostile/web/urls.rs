//! URLs and addresses, as pages name them.

use super::behaviour::{At, Behaviour};

/// A page that names these references.
fn names(at: &At, name: &'static str, server: &'static str, crawl: &'static str, references: &[String]) -> Behaviour {
    let links = references.iter().map(|reference| format!("<a href=\"{}\">.</a>\n", reference.replace('"', "&quot;")));
    Behaviour::new(at, name, server, crawl)
        .page("/x", format!("<title>X</title>{}", links.collect::<String>()))
        .ends("/x", "page 200")
        .title("X")
}

fn owned<const N: usize>(references: [&str; N]) -> Vec<String> {
    references.map(str::to_owned).to_vec()
}

/// A query for how many references a rule turned down, in a crawl of one page of them.
macro_rules! discarded {
    ($rule:literal) => {
        concat!("SELECT discarded FROM rules WHERE name = '", $rule, "' AND ?1 <> ''")
    };
}

pub(super) fn shelf(at: &At) -> Vec<Behaviour> {
    [lengths(at), spellings(at), hosts(at), addresses(at)].concat()
}

fn lengths(at: &At) -> Vec<Behaviour> {
    let base = |name: &'static str| Behaviour::new(at, name, "", "").url("/").len();
    let of_length = |name: &'static str, length: usize| format!("/{}", "u".repeat(length - base(name)));
    let (longest, longer) = (of_length("url-2083", 2_083), of_length("url-2084", 2_084));
    let parameters: String = (0..10_000).map(|n| format!("a{n}=1&")).collect();
    let repeated = format!("/y?{}", ["a=1"; 400].join("&"));
    vec![
        names(at, "url-2083", "names a URL of 2,083 bytes", "asks for it", std::slice::from_ref(&longest))
            .ends(&longest, "gone 404"),
        names(at, "url-2084", "names a URL of 2,084 bytes", "counts it as too long", &[longer])
            .says(discarded!("too_long"), "1")
            .lone(),
        names(
            at,
            "url-2mb",
            "names a URL of 2 MB",
            "counts it, and reads on",
            &[format!("/{}", "u".repeat(2_000_000)), "/y".to_owned()],
        )
        .fact("/x", "cut", "size")
        .ends("/y", "gone 404"),
        names(
            at,
            "parameters-1000",
            "names a URL with 1,000 parameters",
            "counts it as too long",
            &[format!("/y?{}", &parameters[..7_000])],
        )
        .says(discarded!("too_long"), "1")
        .lone(),
        names(
            at,
            "parameters-10000",
            "names a URL with 10,000 parameters",
            "cuts it off and counts it",
            &[format!("/y?{parameters}")],
        )
        .fact("/x", "cut", "size"),
        names(
            at,
            "parameters-repeated",
            "repeats a parameter 400 times",
            "records it as a query that has grown",
            std::slice::from_ref(&repeated),
        )
        .ends(&repeated, "excluded trap:query_growth"),
        names(
            at,
            "dots-5000",
            "climbs 5,000 folders up",
            "ends at the root",
            &[format!("/a/{}y", "../".repeat(5_000))],
        )
        .ends("/y", "gone 404"),
        names(
            at,
            "escaped-thrice",
            "escapes the escapes of escapes",
            "asks for each spelling as it is",
            &owned(["/%61", "/%2561", "/%252561"]),
        )
        .ends("/a", "gone 404")
        .ends("/%2561", "gone 404")
        .ends("/%252561", "gone 404"),
    ]
}

fn spellings(at: &At) -> Vec<Behaviour> {
    let own = |name: &'static str, path: &str| Behaviour::new(at, name, "", "").url(path);
    vec![
        names(
            at,
            "control-characters",
            "has control characters in URLs",
            "drops or escapes them as browsers do",
            &owned(["/a\tb\nc", "/d\u{1}e", "/f\u{7f}", "/g\u{202e}"]),
        )
        .ends("/abc", "gone 404")
        .ends("/d%01e", "gone 404")
        .ends("/f%7F", "gone 404")
        .ends("/g%E2%80%AE", "gone 404"),
        names(
            at,
            "backslashes",
            "writes \\ for /",
            "reads it as browsers do",
            &[
                "\\y\\z".to_owned(),
                format!("http:\\\\127.0.0.1:{}\\b", at.forbidden),
                format!("\\\\127.0.0.1:{}\\c", at.forbidden),
            ],
        )
        .ends("/y/z", "gone 404")
        .ends(&format!("http://127.0.0.1:{}/b", at.forbidden), "excluded address")
        .ends(&format!("http://127.0.0.1:{}/c", at.forbidden), "excluded address"),
        names(
            at,
            "percent-nonsense",
            "has escapes that are none",
            "asks for them as they are",
            &owned(["/%zz", "/%", "/%0", "/%00", "/%c0%ae%c0%ae/"]),
        )
        .ends("/%zz", "gone 404")
        .ends("/%", "gone 404")
        .ends("/%0", "gone 404")
        .ends("/%00", "gone 404")
        .ends("/%C0%AE%C0%AE/", "gone 404"),
        names(
            at,
            "credentials",
            "has passwords in URLs",
            "drops them",
            &[own("credentials", "/y").replace("://", "://user:secret@")],
        )
        .ends("/y", "gone 404")
        .says("SELECT count(1) FROM urls WHERE ?1 <> '' AND url LIKE '%secret%'", "0"),
        names(
            at,
            "root-dot",
            "ends its host name with a dot",
            "takes it for the same host",
            &[own("root-dot", "/y").replace(".localhost:", ".localhost.:")],
        )
        .ends("/y", "gone 404"),
        names(
            at,
            "upper-host",
            "writes its host in capitals and wide letters",
            "takes it for the same host",
            &[
                own("upper-host", "/y").replace("upper-host.localhost", "UPPER-HOST.LocalHost"),
                own("upper-host", "/y").replace("upper", "ｕｐｐｅｒ"),
            ],
        )
        .ends("/y", "gone 404"),
    ]
}

fn hosts(at: &At) -> Vec<Behaviour> {
    let many: Vec<String> = (0..1_000).map(|n| format!("http://h{n}.invalid/")).collect();
    let punycode: Vec<String> = (0..1_000).map(|n| format!("http://xn--{}{n}-.invalid/", "a".repeat(50))).collect();
    let gone = many.iter().fold(
        names(
            at,
            "hosts-1000",
            "names 1,000 hosts that there are not",
            "asks for each name once; nobody waits for them",
            &many,
        ),
        |behaviour, url| behaviour.ends(url, "dns"),
    );
    vec![
        gone,
        names(at, "punycode", "has 1,000 host names that are no punycode", "counts them", &punycode)
            .open_ended()
            .lone(),
        names(
            at,
            "host-nonsense",
            "has hosts that are none",
            "counts them",
            &owned([
                "http://",
                "http:///",
                "http://a..b/",
                "http://a b/",
                "http://[::1",
                "http://1.2.3.4.5/",
                "http://256.1.1.1/",
                "http://%00/",
                "http://a:b/",
                "http://x:65536/",
                "http://\u{ad}/",
            ]),
        )
        .open_ended()
        .says("SELECT count(1) FROM urls u JOIN hosts h ON h.id = u.host_id WHERE h.name = ?1", "4"),
        names(
            at,
            "host-255",
            "has host names longer than DNS allows",
            "asks for no such name",
            &[format!("http://{}invalid/", "a.".repeat(150)), format!("http://{}.invalid/", "a".repeat(70))],
        )
        .ends(&format!("http://{}invalid/", "a.".repeat(150)), "dns")
        .ends(&format!("http://{}.invalid/", "a".repeat(70)), "dns"),
    ]
}

fn addresses(at: &At) -> Vec<Behaviour> {
    let port = at.forbidden;
    let refused = |name, server, spellings: &[&str], known: &[&str]| {
        let references: Vec<String> = spellings.iter().map(|host| format!("http://{host}:{port}/")).collect();
        known
            .iter()
            .fold(names(at, name, server, "excludes them; nothing is connected", &references), |behaviour, host| {
                behaviour.ends(&format!("http://{host}:{port}/"), "excluded address")
            })
    };
    vec![
        refused(
            "loopback-spelled",
            "names loopback in decimal, octal, hexadecimal, short and wide",
            &[
                "2130706433",
                "017700000001",
                "0x7f000001",
                "0x7f.1",
                "127.1",
                "0177.0.0.01",
                "１２７.0.0.1",
                "127。0。0。1",
                "127.0.0.1.",
            ],
            &["127.0.0.1"],
        ),
        refused(
            "loopback-6",
            "names loopback in the forms of IPv6",
            &[
                "[::1]",
                "[::ffff:127.0.0.1]",
                "[::127.0.0.1]",
                "[64:ff9b::127.0.0.1]",
                "[2002:7f00:1::]",
                "[0:0:0:0:0:0:0:1]",
            ],
            &["[::1]", "[::ffff:7f00:1]", "[::7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"],
        ),
        refused(
            "loopback-named",
            "names loopback by name",
            &["localhost", "LOCALHOST.", "any.localhost", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "%6cocalhost"],
            &["localhost", "any.localhost"],
        ),
        refused(
            "private",
            "names private networks, metadata services and this host",
            &[
                "10.0.0.1",
                "172.16.0.1",
                "192.168.1.1",
                "169.254.169.254",
                "100.64.0.1",
                "0.0.0.0",
                "[fe80::1]",
                "[fd00::1]",
                "224.0.0.1",
                "255.255.255.255",
            ],
            &[
                "10.0.0.1",
                "172.16.0.1",
                "192.168.1.1",
                "169.254.169.254",
                "100.64.0.1",
                "0.0.0.0",
                "[fe80::1]",
                "[fd00::1]",
                "224.0.0.1",
                "255.255.255.255",
            ],
        ),
        names(
            at,
            "ports",
            "names other ports of its own host",
            "excludes them; nothing is connected",
            &[
                "http://ports.localhost:0/".to_owned(),
                "http://ports.localhost:22/".to_owned(),
                format!("http://ports.localhost:{port}/"),
                "http://ports.localhost/".to_owned(),
            ],
        )
        .ends("http://ports.localhost:0/", "excluded address")
        .ends("http://ports.localhost:22/", "excluded address")
        .ends(&format!("http://ports.localhost:{port}/"), "excluded address")
        .ends("http://ports.localhost/", "excluded address"),
    ]
}
