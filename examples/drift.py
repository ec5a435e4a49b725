#!/usr/bin/env python3
"""drift.py: readings that are far from the median of the five before.

Asked: KEY TAB STATE TAB RECORD.  The state, the last readings as JSON, is weir's.
"""
import json
import statistics
import sys

for line in sys.stdin:
    key, state, record = line.rstrip("\n").split("\t", 2)
    last = json.loads(state[1:]) if state != "." else []
    try:
        when, _, text = record.split("\t")
        reading = float(text)
    except ValueError:
        print(".", flush=True)
        continue
    answer = ""
    if len(last) == 5 and abs(reading - statistics.median(last)) >= 2:
        answer = f">{when}\t{key}\t{reading}\t{statistics.median(last)}\n"
    print(f"{answer}={json.dumps((last + [reading])[-5:])}", flush=True)
