"""Loads libweir.so late, as a plug-in is: with little room left for thread-local variables, and again and again."""

import ctypes
import ctypes.util
import os
import threading
import unittest

LIBRARY = os.environ["WEIR_LIBRARY"]
GREEDY = os.environ["WEIR_GREEDY"]  # takes much of the room that is left for thread-local variables
INVALID_ARGUMENT = 3

libdl = ctypes.CDLL(None)
libdl.dlclose.argtypes = [ctypes.c_void_p]


def opened():
    weir = ctypes.CDLL(LIBRARY)
    weir.weir_allocate.argtypes = [
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_uint32, ctypes.POINTER(ctypes.c_void_p),
    ]  # fmt: skip
    weir.weir_deallocate.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32]
    weir.weir_pool_create.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)]
    weir.weir_pool_destroy.argtypes = [ctypes.c_void_p]
    weir.weir_device_close.argtypes = [ctypes.c_void_p]
    return weir


class Loading(unittest.TestCase):
    def use(self, weir):
        """A device, a pool, some blocks, an error and the end of all."""
        device, pool, block = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
        self.assertEqual(weir.weir_device_open(None, ctypes.byref(device)), 0)
        self.assertEqual(weir.weir_pool_create(device, None, ctypes.byref(pool)), 0)
        for size in (512, 100_000, 5_000_000):
            self.assertEqual(weir.weir_allocate(pool, size, 1, 0, ctypes.byref(block)), 0)
            self.assertNotEqual(block.value, None)
            self.assertEqual(weir.weir_deallocate(pool, block, 0), 0)
        self.assertNotEqual(weir.weir_deallocate(pool, 12345, 0), 0)
        weir.weir_pool_destroy(pool)
        weir.weir_device_close(device)

    def test_it_loads_where_others_have_taken_room_and_is_left_twenty_times(self):
        self.assertIsNotNone(ctypes.CDLL(GREEDY))
        for _ in range(20):
            weir = opened()
            self.use(weir)
            libdl.dlclose(weir._handle)

    def test_a_thread_that_used_it_may_end_after_it_was_left(self):
        for _ in range(20):
            weir = opened()
            used, left = threading.Event(), threading.Event()

            def work():
                self.use(weir)
                used.set()
                left.wait(30)

            thread = threading.Thread(target=work)
            thread.start()
            self.assertTrue(used.wait(30))
            libdl.dlclose(weir._handle)
            left.set()
            thread.join(30)
            self.assertFalse(thread.is_alive())


if __name__ == "__main__":
    unittest.main()
