"""CuPy's memory pool: a pair, and apart from it what the interpreter takes for the same loop of calls."""

import time


def report(name, rounds, count, body):
    values = []
    body(count)
    for _ in range(rounds):
        start = time.perf_counter()
        body(count)
        values.append((time.perf_counter() - start) / count * 1e9)
    values.sort()
    print(f"{name}\t{values[rounds // 2]:.4g}\t{values[0]:.4g}\t{values[-1]:.4g}\tns", flush=True)


class Nothing:
    """Costs what calling and dropping an object costs."""

    def malloc(self, size):
        return object()


def pairs(pool, size):
    def body(count):
        malloc = pool.malloc
        for _ in range(count):
            block = malloc(size)
            del block

    return body


def main():
    import cupy

    pool = cupy.get_default_memory_pool()
    for kib in (1, 2048, 65536):
        report(f"pair/cupy/{kib}KiB", 9, 20000, pairs(pool, kib << 10))
    report("pair/cupy_interpreter_alone", 9, 20000, pairs(Nothing(), 1024))


main()
