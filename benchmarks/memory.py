"""One load of the landed month, in a process of its own: python -m benchmarks.memory."""

from benchmarks.child import own_flow, tell
from benchmarks.ground import MONTH, SERVICE
from flocon.taxi import pipeline

if __name__ == "__main__":
    tell(lambda: pipeline.load(own_flow(), SERVICE, MONTH, force=True))
