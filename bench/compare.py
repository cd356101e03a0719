"""Runs two sides by turns and says how they compare."""

import statistics


def by_turns(rows, pairs, ours, theirs, limits, less_is_better=False):
    """One RATIO line for each row. A side takes the number of the pair and gives a figure for each
    row; the first one of a pair changes. The ratio is the median of the pairs' ratios; a limit of
    None is a row without a roof. less_is_better: the ratio and the share of the roof are turned
    over, so that more of them is better in any row."""
    figures = {ours: [], theirs: []}
    for pair in range(pairs):
        for side in ((ours, theirs) if pair % 2 else (theirs, ours)):
            figures[side].append(side(pair))
    sign = -1 if less_is_better else 1
    lines = []
    for row, limit, mine, other in zip(rows, limits, zip(*figures[ours]), zip(*figures[theirs])):
        ratio = statistics.median((a / b) ** sign for a, b in zip(mine, other))
        share = "-" if limit is None else f"{(statistics.median(mine) / limit) ** sign:.2f}"
        lines.append(f"RATIO {row} {statistics.median(mine):.1f} {statistics.median(other):.1f} "
                     f"{ratio:.2f} {share}")
        print(lines[-1], flush=True)
    return lines
