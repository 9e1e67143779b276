"""Orders as the API would tell of them, for the demo's tests."""

from decimal import Decimal

from local.demo.board import Order, Parcel, Payment


def payment(
    *,
    authorized: str = "100.00",
    captured: str = "0.00",
    voided: str = "0.00",
    refunded: str = "0.00",
) -> Payment:
    return Payment(
        id="pay_x_1",
        authorized=Decimal(authorized),
        captured=Decimal(captured),
        voided=Decimal(voided),
        refunded=Decimal(refunded),
    )


PAID = payment(captured="100.00")


def order(
    number: str = "WEB-1",
    state: str = "completed",
    status: str = "completed",
    *,
    channel: str = "web",
    paid: Payment = PAID,
    parcels: tuple[Parcel, ...] = (),
    exception: str = "",
) -> Order:
    return Order(
        id=f"ord_{number}",
        channel=channel,
        number=number,
        known_as=number,
        state=state,
        status=status,
        exception=exception,
        email="ana@example.com",
        currency="BRL",
        total=Decimal("100.00"),
        due=Decimal("100.00"),
        payment=paid,
        parcels=parcels,
    )


def parcel(node: str, state: str = "delivered") -> Parcel:
    return Parcel(id=f"ful_{node}", node=node, state=state, tracking_number="EX123456785BR")
