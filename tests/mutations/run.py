#!/usr/bin/env python3
"""Breaks the library on purpose, one place at a time, and sees to it that a test notices.

Each `*.toml` beside this file is a list of mutations:

    [[mutation]]
    name = "the checksum of a frame is not compared"
    file = "memo/src/wire/frame.rs"
    find = "xxh3_64(body) != "            # stands there exactly once
    replace = "false && xxh3_64(body) != "
    test = "wire_frames"                  # tests/tests/wire_frames.rs; or "memo: wire::frame", unit tests of a crate

The checkout is not touched: the tree is copied into a scratch folder, which is kept, so that a later run compiles little.
It is a failure if a mutation survives, if its text is not found, if it does not compile, or if a test fails without it.
A test that does not end counts as one that fails.

    tests/mutations/run.py                      all
    tests/mutations/run.py sqlite "full key"    those whose list or name contains one of these
    tests/mutations/run.py --list               shows them, and sees to it that their texts are there

Takes about half an hour on two cores.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LISTS = Path(__file__).resolve().parent
# A test target takes seconds; one that waits for what never comes is ended after this many.
PATIENCE = 180


@dataclass(frozen=True)
class Mutation:
    group: str
    name: str
    file: str
    find: str
    replace: str
    test: str

    def __str__(self):
        return f"{self.group}: {self.name}"


@dataclass
class Outcome:
    verdict: str
    details: str = ""


def mutations():
    for path in sorted(LISTS.glob("*.toml")):
        for entry in tomllib.loads(path.read_text())["mutation"]:
            yield Mutation(group=path.stem, **entry)


def fault(mutation, root):
    """What is wrong with a mutation of this tree, if anything is."""
    path = root / mutation.file
    if not path.is_file():
        return f"there is no {mutation.file}"
    found = path.read_text().count(mutation.find)
    return None if found == 1 else f"its text stands {found} times in {mutation.file}"


class Tree:
    """A copy of the checkout, to be broken and mended."""

    def __init__(self, root):
        self.root = root

    def update(self):
        """Makes it equal to the checkout. What is equal already keeps its time, so that it is not compiled again."""
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=REPOSITORY, check=True, capture_output=True,
        )
        names = {name for name in os.fsdecode(listed.stdout).split("\0") if name and (REPOSITORY / name).is_file()}
        for name in names:
            source, copy = REPOSITORY / name, self.root / name
            if not copy.is_file() or copy.read_bytes() != source.read_bytes():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)
                shutil.copymode(source, copy)
        for copy in self.root.rglob("*"):
            if copy.is_file() and str(copy.relative_to(self.root)) not in names:
                copy.unlink()

    def judge(self, mutation):
        """Does the test notice the mutation?"""
        wrong = fault(mutation, self.root)
        if wrong:
            return Outcome("not found", wrong)
        path = self.root / mutation.file
        text = path.read_text()
        path.write_text(text.replace(mutation.find, mutation.replace))
        try:
            outcome = self.test(mutation.test)
        finally:
            path.write_text(text)
        verdict = {"fails": "caught", "passes": "survived"}.get(outcome.verdict, outcome.verdict)
        return Outcome(verdict, outcome.details)

    def test(self, test):
        """Compiles and runs a test target: an outcome."""
        package, _, unit = test.partition(":")
        if unit:
            features = ["--features", "full"] if package == "memo" else []
            command, names = ["cargo", "test", "--package", package, "--lib", *features], [unit.strip()]
        else:
            command, names = ["cargo", "test", "--package", "memo-tests", "--test", test], []
        code, output = self.run([*command, "--no-run"], None)
        if code != 0:
            return Outcome("does not compile", output)
        code, output = self.run([*command, "--", *names], PATIENCE)
        if code is None:
            return Outcome("fails", "it did not end")
        if code == 0 and re.search(r"^test result: ok\. [1-9]", output, re.MULTILINE) is None:
            return Outcome("does not compile", f"no test of this name was run:\n{output}")
        failed = re.findall(r"^test (\S+) \.\.\. FAILED$", output, re.MULTILINE)
        return Outcome("passes" if code == 0 else "fails", ", ".join(failed) or output)

    def run(self, command, patience):
        """The exit code, `None` if it had to be ended, and what was written."""
        process = subprocess.Popen(
            command, cwd=self.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "CARGO_TARGET_DIR": str(self.root.with_name("target"))},
            text=True, errors="replace", start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=patience)
            return process.returncode, output
        except subprocess.TimeoutExpired:
            # Those that the test started, too.
            os.killpg(process.pid, signal.SIGKILL)
            return None, process.communicate()[0]


def run_all(tree, chosen):
    """Says what becomes of each; gives the number of failures."""
    # What fails without a mutation says nothing about one.
    failed, broken = 0, set()
    for test in sorted({one.test for one in chosen}):
        outcome = tree.test(test)
        if outcome.verdict != "passes":
            broken.add(test)
            failed += 1
            print(f"FAILED without a mutation: {test}: {outcome.details}", flush=True)
    for one in chosen:
        start = time.monotonic()
        outcome = Outcome("not judged", "its test fails anyway") if one.test in broken else tree.judge(one)
        is_caught = outcome.verdict == "caught"
        failed += not is_caught
        verdict = outcome.verdict if is_caught else outcome.verdict.upper()
        details = f"{one.test} did not notice" if outcome.verdict == "survived" else outcome.details[-1000:].strip()
        print(f"{verdict}  {one} ({time.monotonic() - start:.0f} s)\n    {details}", flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only those whose list or name contains one of these")
    parser.add_argument("--list", action="store_true", help="show them, run nothing")
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    parser.add_argument("--scratch", type=Path, default=target / "mutations", help="default: %(default)s")
    asked = parser.parse_args()
    chosen = [one for one in mutations() if not asked.words or any(word in str(one) for word in asked.words)]
    if not chosen:
        parser.error("there are no such mutations")
    if asked.list:
        faults = [fault(one, REPOSITORY) for one in chosen]
        for one, wrong in zip(chosen, faults):
            print(f"{one} ({one.test}){f': {wrong}' if wrong else ''}")
        failed = sum(wrong is not None for wrong in faults)
    else:
        tree = Tree(asked.scratch.resolve() / "tree")
        tree.update()
        failed = run_all(tree, chosen)
    print(f"\n{len(chosen)} mutations, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
