import dataclasses

import pytest

from jpegstudy.errors import BadInput
from jpegstudy.readings import CONTROLS, DEFAULT, READINGS, Reading, from_mapping
from jpegstudy.readings.choices import CHOICES


def test_the_first_reading_is_the_studys_own():
    assert next(iter(READINGS)) == DEFAULT
    assert READINGS[DEFAULT] == Reading()
    assert READINGS[DEFAULT].changes() == {}


def test_every_choice_is_taken_otherwise_by_some_reading():
    changed = {field for reading in {**READINGS, **CONTROLS}.values() for field in reading.changes()}
    assert changed == {field.name for field in dataclasses.fields(Reading)}
    assert set(CHOICES) | {"crop", "factor"} == changed


def test_no_two_readings_are_the_same():
    every = {**READINGS, **CONTROLS}
    assert len(set(every.values())) == len(every) == len(READINGS) + len(CONTROLS)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scaling": "lanczos"}, "scaling is 'lanczos'; wanted 'pillow' or 'torch7'"),
        ({"clip": 1}, "clip is 1; wanted True or False"),
        ({"crop": -1}, "crop is -1; wanted a whole number of pixels"),
        ({"crop": 224.0}, "crop is 224.0; wanted a whole number"),
        ({"factor": 0}, "factor is 0; wanted a number above 0"),
        ({"factor": "2"}, "factor is '2'"),
        ({"epsilon_unit": "standardized"}, "8-bit and epsilon_unit is standardized, which exclude each other"),
        ({"clip": False}, "8-bit and clip is false, which exclude each other"),
        ({"noise": "unit slip"}, "8-bit and noise is a unit slip"),
        ({"colour": "red"}, "a reading has no 'colour'; it has scaling, crop, clean"),
    ],
)
def test_readings_that_are_none_are_refused_in_one_line(fields, message):
    with pytest.raises(BadInput, match=message) as refused:
        from_mapping(fields)
    assert "\n" not in str(refused.value)


def test_a_reading_of_ones_own_has_the_fields_that_are_given():
    reading = from_mapping({"epsilon_unit": "standardized", "values": "float", "crop": 231})
    assert reading == Reading(epsilon_unit="standardized", values="float", crop=231)
    assert reading.changes() == {"crop": 231, "epsilon_unit": "standardized", "values": "float"}
