"""Runs two sides by turns and says how they compare."""

import statistics


def by_turns(rows, pairs, ours, theirs, limits):
    """One RATIO line for each row. A side takes the number of the pair and gives a figure for each
    row; the first one of a pair changes. The ratio is the median of the pairs' ratios; a limit of
    None is a row without a roof."""
    figures = {ours: [], theirs: []}
    for pair in range(pairs):
        for side in ((ours, theirs) if pair % 2 else (theirs, ours)):
            figures[side].append(side(pair))
    lines = []
    for row, limit, mine, other in zip(rows, limits, zip(*figures[ours]), zip(*figures[theirs])):
        ratio = statistics.median(a / b for a, b in zip(mine, other))
        share = "-" if limit is None else f"{statistics.median(mine) / limit:.2f}"
        lines.append(f"RATIO {row} {statistics.median(mine):.1f} {statistics.median(other):.1f} "
                     f"{ratio:.2f} {share}")
        print(lines[-1], flush=True)
    return lines
