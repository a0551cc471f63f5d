"""Parts on disk: names, row groups sized by bytes, order, and what is written for no rows at all."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.errors import GristmillError
from gristmill.frame.parquet import PartWriter, count_rows, part_files, read_rows

SCHEMA = pa.schema([pa.field("n", pa.int64(), nullable=False), pa.field("text", pa.string(), nullable=False)])


def write(folder, rows, **sizes):
    with PartWriter(folder, SCHEMA, **sizes) as writer:
        for row in rows:
            writer.append(row)


def rows(count):
    return [{"n": n, "text": f"row {n} " * 20} for n in range(count)]


def test_parts_keep_rows_in_order_across_files(tmp_path):
    write(tmp_path, rows(5000), row_group_bytes=50_000, part_bytes=200_000)

    names = [part.name for part in part_files(tmp_path)]

    assert len(names) > 2
    assert names == [f"part-{i:05d}-of-{len(names):05d}.parquet" for i in range(len(names))]
    assert list(read_rows(tmp_path)) == rows(5000)
    assert count_rows(tmp_path) == 5000


def test_parts_are_cut_into_row_groups_of_the_size_asked_for(tmp_path):
    write(tmp_path, rows(8192), row_group_bytes=400_000)

    metadata = pq.read_metadata(part_files(tmp_path)[0])

    sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert metadata.num_row_groups >= 3
    assert max(sizes) <= 4096
    assert metadata.row_group(0).column(1).compression == "ZSTD"
    assert metadata.row_group(0).column(1).has_column_index


def test_parts_of_no_rows_still_carry_the_schema(tmp_path):
    write(tmp_path, [])

    assert [part.name for part in part_files(tmp_path)] == ["part-00000-of-00001.parquet"]
    assert pq.read_schema(part_files(tmp_path)[0]).equals(SCHEMA)
    assert count_rows(tmp_path) == 0


def test_parts_written_twice_are_equal_byte_for_byte(tmp_path):
    write(tmp_path / "a", rows(3000))
    write(tmp_path / "b", rows(3000))

    assert part_files(tmp_path / "a")[0].read_bytes() == part_files(tmp_path / "b")[0].read_bytes()


def test_parts_missing_says_what_to_run(tmp_path):
    with pytest.raises(GristmillError, match="run `dvc repro`"):
        part_files(tmp_path)


def test_part_that_is_not_parquet_names_the_file_and_the_way_out(tmp_path):
    write(tmp_path, rows(3))
    [part] = part_files(tmp_path)
    part.write_bytes(b"x")

    with pytest.raises(GristmillError) as caught:
        list(read_rows(tmp_path))

    assert caught.value.problem.where == str(part)
    assert "dvc repro" in caught.value.problem.do


def test_part_writer_keeps_nothing_of_what_an_empty_slice_was_cut_from(tmp_path):
    before = pa.total_allocated_bytes()
    with PartWriter(tmp_path, pa.schema([("text", pa.string())])) as writer:
        for _ in range(5):
            writer.write(pa.record_batch({"text": ["x" * 1_000_000]}).slice(0, 0))
        held = pa.total_allocated_bytes() - before

    assert held < 1_000_000
    assert count_rows(tmp_path) == 0
