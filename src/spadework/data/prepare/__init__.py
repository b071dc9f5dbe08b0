"""Preparers: published data sets, as their owners publish them, into data folders. Nothing is downloaded.

In Python: `prepare(Cityscapes(), Path("downloads"), Path("data/cityscapes"))`.
"""

from spadework.data.prepare.ade20k import Ade20k
from spadework.data.prepare.ade20k_outdoor import Ade20kOutdoor
from spadework.data.prepare.cityscapes import Cityscapes
from spadework.data.prepare.coco_stuff import CocoStuff
from spadework.data.prepare.facades import Facades
from spadework.data.prepare.flickr_landscapes import FlickrLandscapes
from spadework.data.prepare.folders import Folders
from spadework.data.prepare.plan import DataSet
from spadework.data.prepare.preparation import Prepared, prepare

DATA_SETS: dict[str, type[DataSet]] = {
    "coco-stuff": CocoStuff,
    "ade20k": Ade20k,
    "ade20k-outdoor": Ade20kOutdoor,
    "cityscapes": Cityscapes,
    "flickr-landscapes": FlickrLandscapes,
    "facades": Facades,
    "folders": Folders,
}

__all__ = [
    "DATA_SETS",
    "Ade20k",
    "Ade20kOutdoor",
    "Cityscapes",
    "CocoStuff",
    "DataSet",
    "Facades",
    "FlickrLandscapes",
    "Folders",
    "Prepared",
    "prepare",
]
