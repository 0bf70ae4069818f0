"""FAISS's flat index on one thread, for `enrold bench gallery --faiss`.

Arguments: templates, dimension, candidates. Standard input: the templates,
then probes, as float32. Answers each probe with a line: seconds of this
thread, then the numbers found.
"""
import sys
import time

try:
    import faiss
    import numpy
except ImportError:
    print("missing", flush=True)
    sys.exit(0)

n, dim, top = map(int, sys.argv[1:])
print(faiss.__version__, flush=True)
faiss.omp_set_num_threads(1)


def vectors(count):
    data = sys.stdin.buffer.read(4 * dim * count)
    if len(data) < 4 * dim * count:
        sys.exit(0)
    return numpy.frombuffer(data, dtype="<f4").reshape(count, dim)


index = faiss.IndexFlatIP(dim)
while index.ntotal < n:
    index.add(vectors(min(10000, n - index.ntotal)))
while True:
    probe = vectors(1)
    start = time.thread_time()
    _, numbers = index.search(probe, top)
    took = time.thread_time() - start
    print(took, *(int(i) for i in numbers[0] if i >= 0), flush=True)
