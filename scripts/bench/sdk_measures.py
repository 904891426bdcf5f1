"""One measure of whichever ymir_exc is found, in a process of its own; prints JSON. Started by `scripts/bench/sdk`."""

import json
import os
import resource
import sys
import time
import tracemalloc
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
OUT = Path(os.environ["BENCH_OUT"])
IMAGES = int(os.environ.get("BENCH_IMAGES", "100000"))
BOXES = 5


def median(values):
    return sorted(values)[len(values) // 2]


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(call, clock=time.perf_counter):
    start = clock()
    call()
    return clock() - start


def patch():
    from ymir_exc import settings

    settings.DEFAULT_ENV_FILE_PATH = f"{OUT}/env.yaml"


def monitor():
    from ymir_exc import monitor

    patch()
    calls = 2000 if "ours" in sys.argv else 300
    times = [timed(lambda n=n: monitor.write_monitor_logger(n / calls)) for n in range(calls)]
    return {"us_a_call": median(times) * 1e6}


def annotations(rw):
    return [
        rw.Annotation(class_name="cat", score=0.1 * n + 0.05, box=rw.Box(x=n, y=2 * n, w=30, h=40))
        for n in range(BOXES)
    ]


def infer():
    from ymir_exc import result_writer as rw

    patch()
    before = peak_mib()
    start = time.process_time()  # others on the machine don't count
    results = {f"/in/assets/{n:08d}.jpg": annotations(rw) for n in range(IMAGES)}
    made = time.process_time()
    rw.write_infer_result(results)
    return {
        "objects_cpu_s": made - start,
        "writing_cpu_s": time.process_time() - made,
        "all_cpu_s": time.process_time() - start,
        "added_mib": peak_mib() - before,
    }


def floor():
    """What is left when nothing is checked and nothing is an object of the SDK's: dictionaries into one format."""

    def boxes():
        return [
            dict(class_name="cat", score=0.1 * n + 0.05, box=dict(x=n, y=2 * n, w=30, h=40))  # noqa: C408 - as calls
            for n in range(BOXES)
        ]

    start = time.process_time()
    results = {f"/in/assets/{n:08d}.jpg": boxes() for n in range(IMAGES)}
    with (OUT / "infer.json").open("w") as file:
        for image, found in results.items():
            texts = [
                f'{{"class_name": "{one["class_name"]}", "score": {one["score"]!r}, "box": {{"x": {one["box"]["x"]}, '
                f'"y": {one["box"]["y"]}, "w": {one["box"]["w"]}, "h": {one["box"]["h"]}}}}}'
                for one in found
            ]
            file.write(f'"{image}": {{"boxes": [{", ".join(texts)}]}},\n')
    return {"all_cpu_s": time.process_time() - start}


def stream():
    from ymir_exc import result_writer as rw

    patch()
    annotations(rw)
    before = peak_mib()
    images = ((f"/in/assets/{n:08d}.jpg", annotations(rw)) for n in range(10 * IMAGES))
    elapsed = timed(lambda: rw.write_infer_result(images), time.process_time)
    return {
        "all_cpu_s": elapsed,
        "added_mib": peak_mib() - before,
        "file_mib": (OUT / "infer.json").stat().st_size >> 20,
    }


def scores():
    for n in range(10 * IMAGES):
        yield f"/in/assets/{n % 251:02x}/{n:032x}.jpg", (n * 7919 % 1000003) / 1000003


def mining():
    """The same pairs to both: an iterator where it is taken, else the list that its caller must make of it."""
    from ymir_exc import result_writer as rw

    patch()
    rw.write_mining_result([("/warm/up.jpg", 0.5)])
    # sorted() takes an iterator too, and makes the list of it.
    elapsed = timed(lambda: rw.write_mining_result(scores()), time.process_time)
    tracemalloc.start()
    rw.write_mining_result(scores())
    _, peak = tracemalloc.get_traced_memory()
    return {"all_cpu_s": elapsed, "peak_mib": peak / (1 << 20)}


def mining_of_list():
    """What the writer itself adds when the caller has the list already."""
    from ymir_exc import result_writer as rw

    patch()
    pairs = list(scores())
    tracemalloc.start()
    rw.write_mining_result(pairs)
    _, peak = tracemalloc.get_traced_memory()
    return {"peak_mib": peak / (1 << 20)}


def stages():
    """Published SDKs that have stages are not on PyPI: theirs is read, truncate and dump, as they did it."""
    import yaml

    def naive(number):
        path = OUT / "models" / "naive.yaml"
        result = yaml.safe_load(path.read_text()) if path.exists() else {}
        stage = {"stage_name": f"e{number % 11}", "files": ["a.pt"], "timestamp": number, "mAP": 0.5}
        result.setdefault("model_stages", {})[f"e{number % 11}"] = stage
        with path.open("w") as file:
            yaml.safe_dump(result, file)

    def ours(number):
        rw.write_model_stage(f"e{number % 11}", ["a.pt"], 0.5, timestamp=number)

    if "ours" in sys.argv:
        from ymir_exc import result_writer as rw

        patch()
        (OUT / "models" / "a.pt").touch()
    write = ours if "ours" in sys.argv else naive
    return {"us_a_call": median([timed(lambda n=n: write(n)) for n in range(60)]) * 1e6}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]]()))
