import pytest

from oms.customers.tax_id import is_brazilian_tax_id, normalise


@pytest.mark.parametrize(
    "text", ["529.982.247-25", "11.222.333/0001-81", "12.ABC.345/01DE-35", "12abc34501de35"]
)
def test_a_cpf_or_cnpj_with_right_check_digits_is_accepted(text: str) -> None:
    assert is_brazilian_tax_id(normalise(text))


@pytest.mark.parametrize(
    "text",
    [
        "529.982.247-24",
        "111.111.111-11",
        "11.222.333/0001-80",
        "00.000.000/0000-00",
        "12.ABC.345/01DE-36",
        "5299822472",
        "٥٢٩٩٨٢٢٤٧٢٥",
        "",
    ],
)
def test_any_other_text_is_not_a_tax_id(text: str) -> None:
    assert not is_brazilian_tax_id(normalise(text))
