"""The places of the simulated province: Shanxi, with GB/T 2260 codes of its cities and counties."""

from typing import Final, NamedTuple


class Region(NamedTuple):
    """One administrative division: its six-digit GB/T 2260 code and its name."""

    code: str
    name: str


class City(NamedTuple):
    """A prefecture-level city with its counties and districts."""

    region: Region
    counties: tuple[Region, ...]


PROVINCE: Final = Region("140000", "山西省")

_TABLE: Final = """
140100 太原市 140105 小店区 140106 迎泽区 140107 杏花岭区 140109 万柏林区 140110 晋源区 140181 古交市
140200 大同市 140213 平城区 140214 云冈区 140215 云州区 140221 阳高县 140225 浑源县
140300 阳泉市 140302 城区 140311 郊区 140321 平定县 140322 盂县
140400 长治市 140403 潞州区 140404 上党区 140405 屯留区 140423 襄垣县 140428 长子县
140500 晋城市 140502 城区 140521 沁水县 140522 阳城县 140525 泽州县 140581 高平市
140600 朔州市 140602 朔城区 140603 平鲁区 140621 山阴县 140681 怀仁市
140700 晋中市 140702 榆次区 140703 太谷区 140727 祁县 140728 平遥县 140781 介休市
140800 运城市 140802 盐湖区 140821 临猗县 140823 闻喜县 140881 永济市 140882 河津市
140900 忻州市 140902 忻府区 140921 定襄县 140922 五台县 140981 原平市
141000 临汾市 141002 尧都区 141023 襄汾县 141024 洪洞县 141081 侯马市 141082 霍州市
141100 吕梁市 141102 离石区 141121 文水县 141122 交城县 141181 孝义市 141182 汾阳市
"""


def _read(table: str) -> tuple[City, ...]:
    cities = []
    for line in table.split("\n"):
        words = line.split()
        divisions = [Region(*pair) for pair in zip(words[::2], words[1::2], strict=True)]
        if divisions:
            cities.append(City(divisions[0], tuple(divisions[1:])))
    return tuple(cities)


CITIES: Final = _read(_TABLE)
