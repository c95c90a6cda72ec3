"""context.whole: the folders of a context that are taken with all that stands in them."""

from __future__ import annotations

from bedplate import folder_look
from bedplate.context.disk import LARGE
from bedplate.context.listing import Listing
from bedplate.folder_look import Look, Row, Sum


class Whole:
    """Each folder is looked at once. `count`: what stands in all of them, ignored entries too."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.count = 0
        self._looks: dict[str, Look] = {}
        self._sums: dict[str, Sum] = {}

    def take(self, path: str) -> tuple[list[str], list[str]]:
        """The folders at and below a path, and what of the folders below is not taken as a whole. Raises OSError."""
        folders: list[str] = []
        single: list[str] = []
        todo = [path]
        while todo:
            batch = todo if self.count > LARGE else todo[:1]
            todo = todo[len(batch) :]
            for folder, names in zip(batch, self._inner(batch), strict=True):
                folders.append(folder)
                for name in names:
                    self._descend(f"{folder}/{name}" if folder else name, todo, single)
        return folders, single

    def rows(self, folder: str) -> list[tuple[str, Row]]:
        """The files of a folder that the builder is given: path and what was seen; for contexts that are not large."""
        return self._taken(folder, self._looks[folder].rows)

    def again(self, folder: str) -> list[tuple[str, Row]]:
        """The same, seen now; `sum` is of that from here on. Raises OSError."""
        now = folder_look.look(self.listing.absolute(folder))
        self._sums[folder] = folder_look.summed(now)
        return self._taken(folder, now.rows)

    def sum(self, folder: str) -> Sum:
        if folder not in self._sums:
            self._sums[folder] = folder_look.summed(self._looks[folder])
        return self._sums[folder]

    def _taken(self, folder: str, rows: list[Row]) -> list[tuple[str, Row]]:
        prefix, excluded = f"{folder}/" if folder else "", self.listing.ignore.excluded
        return [(path, row) for row in rows if not excluded(path := prefix + row[0])]

    def _inner(self, batch: list[str]) -> list[list[str]]:
        """The names of the folders in each folder."""
        new = [folder for folder in batch if folder not in self._looks and folder not in self._sums]
        if self.count > LARGE:
            likely = self.count // (len(self._looks) + len(self._sums)) * len(new)  # as in the folders until now
            found = folder_look.sums([self.listing.absolute(folder) for folder in new], likely)
            self._sums.update(zip(new, found, strict=True))
            self.count += sum(one.entries + 1 for one in found)
        else:
            for folder in new:
                self._looks[folder] = folder_look.look(self.listing.absolute(folder))
                self.count += len(self._looks[folder].rows) + 1
        return [(self._looks.get(folder) or self._sums[folder]).folders for folder in batch]

    def _descend(self, child: str, todo: list[str], single: list[str]) -> None:
        ignore = self.listing.ignore
        if child == self.listing.hidden:
            return
        if not ignore.excluded(child):
            todo.append(child)
        elif not ignore.excluded_below(child):
            # a folder that is named itself is there as long as an exception leaves something in it
            below = [path for path, _ in self.listing.below(child)]
            single += [child, *below] if below else []
