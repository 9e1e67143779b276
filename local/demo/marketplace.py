"""Marketplaces and shops elsewhere, which deliver their orders as signed webhooks."""

from local.demo.samples import Sample, read
from local.demo.signed_webhook import SignedWebhooks


class Marketplace:
    def __init__(self, webhooks: SignedWebhooks) -> None:
        self._webhooks = webhooks

    def place(self, sample: Sample) -> None:
        """Deliver the order, as often as the sample says: a repeat is answered like the first."""
        call = read(sample.file)
        for _ in range(sample.times):
            self._webhooks.send(call["source"], call["headers"], call["body"])
