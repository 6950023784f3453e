"""sqrawl, Protego and robotspy on the same robots.txt files: robots_peers.py MATCHER FOLDER PATTERNS

Every disagreement is shrunk to the fewest lines that keep it, and its cause is found by
experiment: the first change, of a list, after which the two agree.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import quote, unquote

import protego
import robots

COMMON = ["/", "/index.html", "/robots.txt", "/search?q=a", "/a/b/c.php?id=1&x=/y", "/.well-known/x", "/wp-admin/x"]
CRAWLERS = ["sqrawl", "Googlebot", "Googlebot/2.1", "*"]
# What may stand in a URL as it is; a browser escapes the rest.
SAFE = "/?:@!$&'()*+,;=-._~%[]"


class Sqrawl:
    """The matcher, in a process of its own that answers line by line."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, text, agents, paths):
        """For each agent: allowed as a string of 0 and 1, the deciding lines."""
        asked = {"robots": text, "agents": agents, "paths": paths}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def allows(self, text, agent, path):
        return self.ask(text, [agent], [path])[0]["allowed"] == "1"


def protego_parser(text):
    parser = protego.Protego.parse(text)
    return lambda agent, path: parser.can_fetch("https://example.com" + path, agent)


def robotspy_parser(text):
    parser = robots.RobotsParser.from_string(text)
    return lambda agent, path: parser.can_fetch(agent, "https://example.com" + path)


PEERS = {"protego": protego_parser, "robotspy": robotspy_parser}


def lines_of(text):
    return re.split("\r\n|\r|\n", text)


FIELD = re.compile(r"\s*(user-?agent|user agent|dissallow|dissalow|disalow|diasllow|disallaw|disallow|allow)[^:]*?\s*(?::|\s)\s*(.*)", re.I)


def read(line):
    """(field, value) of a line that says something about access, by the reading of Google's parser."""
    line = line.split("#")[0].strip(" \t\f\v\r")
    if ":" not in line and len(line.split()) != 2:
        return None
    found = FIELD.fullmatch(line)
    if not found:
        return None
    name = found[1].lower()
    field = "User-agent" if name.startswith("user") else "Allow" if name == "allow" else "Disallow"
    return field, found[2].strip()


def instance(pattern):
    """A path that the pattern matches, as a browser would ask for it."""
    path = pattern.removesuffix("$").replace("*", "x").split("#")[0]
    path = quote(path, safe=SAFE)
    return path if path.startswith("/") else "/" + path


def paths_for(text, patterns):
    """Paths near the rules of a file, and common ones."""
    values = list(dict.fromkeys(rule[1] for rule in map(read, lines_of(text)) if rule and rule[0] != "User-agent" and rule[1]))
    step = max(1, len(values) // patterns)
    paths = list(COMMON)
    for value in values[::step][:patterns]:
        path = instance(value)
        paths += [path, path + "x", path + "/y?z=1", path[:-1] or "/"]
        paths.append(value.replace("*", "").split("#")[0] and instance(value.replace("*", "")))
        letter = re.search(r"(?<!%)(?<!%.)[a-zA-Z]", path)
        if letter:
            paths.append(f"{path[:letter.start()]}%{ord(letter[0]):02x}{path[letter.end():]}")
        if re.search(r"%[0-9A-Fa-f]{2}", path):
            paths.append(re.sub(r"%[0-9A-Fa-f]{2}", lambda escape: escape[0].lower(), path))
        for delimiter in "/?=&:":
            if delimiter in path[1:]:
                at = path.rindex(delimiter)
                paths.append(f"{path[:at]}%{ord(delimiter):02X}{path[at + 1:]}")
    return list(dict.fromkeys(path for path in paths if path.startswith("/") and len(path) < 2000))


def agents_for(text):
    named = [rule[1].split("/")[0].split() for rule in map(read, lines_of(text)) if rule and rule[0] == "User-agent"]
    named = [words[0] for words in named if words and words[0] != "*"]
    named = list(dict.fromkeys(named))
    chosen = named[:: max(1, len(named) // 3)][:3]
    return list(dict.fromkeys(CRAWLERS + chosen + [name + "/1.0" for name in chosen[:1]]))


def shrink(lines, disagree):
    """The fewest lines that keep a disagreement: chunks are taken out while it stays."""
    size = max(1, len(lines) // 2)
    while True:
        at = 0
        while at < len(lines):
            fewer = lines[:at] + lines[at + size:]
            if disagree("\n".join(fewer)):
                lines = fewer
            else:
                at += size
        if size == 1:
            return lines
        size = max(1, size // 2)


def clean_fields(lines):
    return [f"{rule[0]}: {rule[1]}" if (rule := read(line)) else line for line in lines]


def only_access(lines):
    return [line for line in lines if read(line)]


def token(value):
    word = re.split(r"[\s/]", value)[0]
    return word


def clean_agents(lines):
    return [f"User-agent: {token(rule[1])}" if (rule := read(line)) and rule[0] == "User-agent" else line for line in lines]


def letters_only(name):
    return re.sub(r"[^A-Za-z_-]", "Q", name) if name != "*" else name


def experiments(agent, path):
    """(cause, change of lines, agent and path) in the order in which they are tried."""
    same = lambda lines: lines
    yield "byte order mark", lambda lines: [line.removeprefix("\ufeff") for line in lines], agent, path
    yield "white space beyond ASCII", lambda lines: [re.sub(r"[^\S\x00-\x7f]", "", line) for line in lines], agent, path
    yield "crawler named with its version", same, agent.split("/")[0], path
    yield "groups ended by other records", only_access, agent, path
    yield "misspelt fields, forgotten colons", clean_fields, agent, path
    yield "words after the product token", lambda lines: clean_agents(clean_fields(only_access(lines))), agent, path


def rule_cause(sqrawl, peer, lines, path):
    """Why the two judge a path differently by the same rules of the same group."""
    rules = [rule for rule in map(read, lines) if rule and rule[0] != "User-agent" and rule[1]]
    for _, value in rules:
        text = f"User-agent: *\nDisallow: {value}\n"
        ours, theirs = sqrawl.allows(text, "x", path), PEERS[peer](text)("x", path)
        if ours != theirs:
            return match_cause(sqrawl, peer, value, path)
    text = "\n".join(lines)
    if any(field == "Allow" and re.search(r"/index\.html?", value) for field, value in rules):
        return "Allow: index.html allows its directory"
    if {field for field, _ in rules} == {"Allow", "Disallow"}:
        return "which of two rules is longer"
    return "unexplained: " + repr(text)


def match_cause(sqrawl, peer, value, path):
    """Why the two see one pattern match a path differently."""

    def agree(value, path):
        text = f"User-agent: *\nDisallow: {value}\n"
        return sqrawl.allows(text, "x", path) == PEERS[peer](text)("x", path)

    if not value.startswith(("/", "*", "$")):
        return "rule that begins with neither slash nor star"
    if re.search(r"\s", value):
        return "white space in a rule"
    if value.endswith("$") and agree(value.removesuffix("$"), path):
        return "$ as the end or as a character" if peer == "protego" else "$ together with *, ? or ["
    if re.search("//|:/", path) and agree(re.sub(":?/+", "/", value), re.sub(":?/+", "/", path)):
        return "repeated slashes"
    if "[" in value and agree(value.replace("[", "y").replace("]", "y"), re.sub(r"\[|\]|%5[BbDd]", "y", path)):
        return "brackets in a rule"
    if "*" in value and "%2A" in path.upper():
        return "an escaped * in a URL"
    escapes = r"%(?:2[1-9A-Ca-cFf]|3[AaBbDdFf]|40|5[BbDd])"
    if re.search(escapes, path) or re.search(escapes, value):
        return "escapes of reserved characters"
    if "%" in path or "%" in value or not value.isascii():
        return "other escapes"
    if value.rstrip("$*").endswith("?") or "?" in value:
        return "? in a rule"
    return f"unexplained: {value!r} and {path!r}"


def cause_of(sqrawl, peer, lines, agent, path):
    if unquote(path) == "/robots.txt":
        return "/robots.txt itself"

    def agree(lines, agent, path):
        text = "\n".join(lines)
        return sqrawl.allows(text, agent, path) == PEERS[peer](text)(agent, path)

    for cause, change, other_agent, other_path in experiments(agent, path):
        if agree(change(lines), other_agent, other_path):
            return cause
    lines = clean_agents(clean_fields(only_access(lines)))
    if agree([line.replace(token(rule[1]), letters_only(token(rule[1]))) if (rule := read(line)) and rule[0] == "User-agent" else line for line in lines], letters_only(agent.split("/")[0]), path):
        return "crawler names that are no product tokens"
    plain = [line for line in lines if not line.startswith("User-agent")]
    if agree(["User-agent: *"] + plain, "x", path):
        return "which group applies"
    return rule_cause(sqrawl, peer, plain, path)


def main(program, folder, patterns):
    sqrawl = Sqrawl(program)
    checks, files = Counter(), 0
    causes = {peer: Counter() for peer in PEERS}
    stricter = {peer: Counter() for peer in PEERS}
    in_files = {peer: {} for peer in PEERS}
    example = {peer: {} for peer in PEERS}
    for file in sorted(Path(folder).iterdir()):
        text = file.read_bytes().decode("utf-8", "replace").replace("\0", "")
        agents, paths = agents_for(text), paths_for(text, patterns)
        files += 1
        answers = sqrawl.ask(text, agents, paths)
        for peer, parser in PEERS.items():
            ask = parser(text)
            known = {}
            for agent, answer in zip(agents, answers):
                for path, ours, line in zip(paths, answer["allowed"], answer["lines"]):
                    checks[peer] += 1
                    theirs = ask(agent, path)
                    if theirs == (ours == "1"):
                        continue
                    # Disagreements about one line with the same kind of path are one case.
                    kind = (agent, line, ours, tuple(re.findall(r"%..|//|\$|\?|/robots.txt$", path))[:6])
                    if kind not in known:
                        disagree = lambda text: sqrawl.allows(text, agent, path) != parser(text)(agent, path)
                        least = shrink(lines_of(text), disagree) if disagree("\n".join(lines_of(text))) else None
                        known[kind] = cause_of(sqrawl, peer, least, agent, path) if least is not None else "line ends"
                        example[peer].setdefault(known[kind], (file.name, agent, path, ours, least))
                    cause = known[kind]
                    causes[peer][cause] += 1
                    stricter[peer][cause] += ours == "0"
                    in_files[peer].setdefault(cause, set()).add(file.name)
    unexplained = 0
    for peer in PEERS:
        print(f"\n{peer}: {files} files, {checks[peer]} checks, {sum(causes[peer].values())} disagreements")
        print(f"{'cause':46} {'checks':>8} {'sqrawl refuses':>15} {'files':>6}  example")
        for cause, count in causes[peer].most_common():
            name, agent, path, ours, least = example[peer][cause]
            shown = "/".join(line.strip()[:60] for line in least or [])
            print(f"{cause[:46]:46} {count:8} {stricter[peer][cause]:15} {len(in_files[peer][cause]):6}  {name}: {agent} {path[:70]}: {shown[:200]!r}")
            unexplained += cause.startswith("unexplained")
    sys.exit(1 if unexplained else 0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
