"""Adapters to AWS.

A function imports a hundred thousand objects that all stay. Looking for garbage among them again
and again takes a tenth of a cold start and finds none, so it is done less often.
"""

import gc

gc.set_threshold(50_000)
