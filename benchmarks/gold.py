"""Gold of the sales domain out of a silver layer that is there: python -m benchmarks.gold."""

from benchmarks.child import own_flow, tell
from benchmarks.sales import AS_OF
from flocon.sales import pipeline

if __name__ == "__main__":
    tell(lambda: pipeline.gold(own_flow(), AS_OF, force=True))
