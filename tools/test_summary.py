#!/usr/bin/env python3
"""Adds up JUnit reports and prints "N passed, N failed, N skipped" as the last line.

Exit status 1 when a test failed, when a report is missing (its runner broke down) and when nothing
ran at all.
"""

import sys
import xml.etree.ElementTree as xml


def count(path):
    """(passed, failed, skipped) of one report; a report that cannot be read is one failure."""
    try:
        root = xml.parse(path).getroot()
    except (OSError, xml.ParseError) as error:
        print(f"no test report: {error}")
        return 0, 1, 0
    passed = failed = skipped = 0
    for case in root.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            print(f"failed: {case.get('classname', '')} {case.get('name')}")
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            skipped += 1
            print(f"skipped: {case.get('classname', '')} {case.get('name')}")
        else:
            passed += 1
    return passed, failed, skipped


def main(paths):
    totals = [sum(column) for column in zip(*map(count, paths))]
    passed, failed, skipped = totals or (0, 0, 0)
    if passed + failed == 0:
        print("no test ran")
        failed = 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
