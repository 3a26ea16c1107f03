"""What to tell people: for every error code, what is wrong and how to mend it, in two languages.

Three tables by who uses them: codes of rejections, codes of problem documents, and the reasons that
an unreadable upload gives in its `reason` field. `REMEDIES` is all of them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class Message(NamedTuple):
    """One error in Chinese and in English: what is wrong, then what to do."""

    zh: str
    en: str


CODE_MESSAGES: Final[Mapping[str, Message]] = MappingProxyType(
    {
        "empty": Message(
            "没有扫到内容。请重新扫码，或删除空行。",
            "Nothing was scanned. Scan again, or delete the empty row.",
        ),
        "scientific_notation": Message(
            "表格软件把追溯码变成了数字，后几位已丢失。请将该列设为文本格式后重新导出或重新扫码。",
            "A spreadsheet turned the trace code into a number and lost its last digits. "
            "Format the column as text and export or scan again.",
        ),
        "product_barcode": Message(
            "这是商品条码（如 69 开头的 EAN-13），不是追溯码。请扫描包装上的药品追溯码。",
            "This is the product's barcode (an EAN or GTIN), the same on every pack. "
            "Scan the trace code of the pack instead.",
        ),
        "national_drug_code": Message(
            "这是 14 位国家药品本位码，不是追溯码。请扫描包装上的 20 位追溯码。",
            "This is the 14-digit national drug code, the same on every pack. "
            "Scan the 20-digit trace code of the pack instead.",
        ),
        "bad_length": Message(
            "位数不对：药品追溯码为 20 位数字。请检查是否漏扫或两码相连，然后重新扫码。",
            "The length is wrong: a trace code has 20 digits. Check for a cut-off scan or two "
            "scans run together, and scan again.",
        ),
        "bad_prefix": Message(
            "20 位追溯码应以 8 开头。请确认扫的是药品追溯码，并检查首位是否录错。",
            "A 20-digit trace code begins with 8. Make sure the drug trace code was scanned and "
            "check its first digit.",
        ),
        "bad_character": Message(
            "追溯码中有不允许的字符（例如把数字 0 录成字母 O）。请重新扫码，不要手工录入。",
            "The code holds a character it cannot have (for example the letter O for zero). "
            "Scan it again rather than typing it.",
        ),
        "bad_check_digit": Message(
            "GTIN 或 SSCC 的校验位不正确，至少有一位数字有误。请重新扫码。",
            "The check digit of the GTIN or SSCC is wrong, so at least one digit is. Scan again.",
        ),
        "no_serial": Message(
            "GS1 码中没有序列号 (21)，只能说明品种，不能说明是哪一盒。请扫描带序列号的二维码。",
            "The GS1 code has no serial number (21): it names the product, not the pack. "
            "Scan the 2D code that carries the serial number.",
        ),
        "ambiguous_gs1": Message(
            "扫码枪丢掉了 GS1 分隔符（FNC1/GS），无法判断各字段。请在扫码枪中开启 GS 分隔符传输。",
            "The scanner dropped the GS1 separators (FNC1/GS), and the fields cannot be told "
            "apart. Set the scanner to transmit the GS character.",
        ),
        "several_codes": Message(
            "一次扫码中含有多个追溯码。请每个追溯码单独一条。",
            "One scan holds several trace codes. Send each trace code on its own.",
        ),
        "unsupported_code": Message(
            "无法识别为追溯码。支持 20 位追溯码、GS1（SGTIN、SSCC）、GS1 数字链接和 EPC URN。",
            "This is no trace code of a known kind. Known are 20-digit codes, GS1 element strings "
            "(SGTIN, SSCC), GS1 Digital Links and EPC URNs.",
        ),
        "code_not_text": Message(
            "追溯码以数字类型传送，可能已丢失精度。请以字符串传送（加引号）。",
            "The code was sent as a number, which loses digits on its way. Send it as a string.",
        ),
    }
)
"""One scan that is no trace code."""

EVENT_MESSAGES: Final[Mapping[str, Message]] = MappingProxyType(
    {
        "unknown_field": Message(
            "有本接口没有的字段。请检查字段名；其他信息请放入 attributes。",
            "There is no such field. Check its name; put anything else into attributes.",
        ),
        "missing_field": Message(
            "缺少必填字段。请补充后重新上传。",
            "A required field is missing. Add it and send the event again.",
        ),
        "bad_event": Message(
            "事件应为一个 JSON 对象。",
            "An event must be a JSON object with the fields of an event.",
        ),
        "bad_value": Message(
            "字段的类型不对。请按接口文档中该字段的类型填写。",
            "The value is not of the type this field has. See the field's type in the API document.",
        ),
        "bad_number": Message(
            "该字段应为非负整数。", "This field takes a whole number that is not negative."
        ),
        "bad_text": Message(
            "文本中含有控制字符或无法保存的字符。请删除后重新上传。",
            "The text holds control characters or others that cannot be stored. Remove them.",
        ),
        "text_too_long": Message(
            "文本超过 200 个字符。请缩短，或放入 attributes。",
            "The text is longer than 200 characters. Shorten it, or put it into attributes.",
        ),
        "no_kind": Message(
            "没有说明业务类型。请填写 kind 或 bill_type；文本类文件请用上传参数 kind 给出。",
            "It is not said what happened. Give kind or bill_type; for files that have neither, "
            "as upload parameter.",
        ),
        "unknown_kind": Message(
            "未知的业务类型。请使用接口文档列出的 kind。",
            "This kind of event is not known. Use one of the kinds in the API document.",
        ),
        "unknown_bill_type": Message(
            "未知的单据类型。请核对单据类型编号或 XML 中的 Event Name；不能按“其他”处理。",
            "This bill type is not in use. Check the number, or the Event Name of the XML; unknown "
            "types are not taken for 'other'.",
        ),
        "bill_type_mismatch": Message(
            "bill_type 与 kind 或 reason 不一致。请改正，或只填其一。",
            "The bill type contradicts kind or reason. Correct it, or give only one of them.",
        ),
        "no_event_time": Message(
            "没有业务发生时间。请填写 event_time，或用上传参数 event_time 给出。",
            "It is not said when this happened. Give event_time, or the upload parameter of that "
            "name.",
        ),
        "bad_time": Message(
            "无法识别的时间。请使用如 2026-02-03T17:00:00+08:00 的格式。",
            "This is no possible time. Write it like 2026-02-03T17:00:00+08:00.",
        ),
        "bad_date": Message(
            "无法识别的日期。请使用如 2027-12-31 的格式；有效期可写到月，如 2027-12。",
            "This is no possible date. Write it like 2027-12-31; an expiry may be a month, 2027-12.",
        ),
        "no_codes": Message(
            "没有追溯码。请在 codes 中列出所扫的追溯码。",
            "There are no trace codes. List the scanned codes in codes.",
        ),
        "codes_not_expected": Message(
            "作废和更正只说明所指的事件，不能带追溯码。更正后的内容请作为新事件上传。",
            "A void or correction names an event and scans no codes. Send what is right as an "
            "event of its own.",
        ),
        "no_parent": Message(
            "装箱、拆箱需要上级包装码 parent。",
            "Packing and unpacking need the code of the container in parent.",
        ),
        "parent_in_codes": Message(
            "上级包装码同时出现在 codes 中。请从 codes 中去掉它。",
            "The container is listed among its own contents. Take it out of codes.",
        ),
        "no_counterparty": Message(
            "出库没有收货单位 to。请填写，或用上传参数 to 给出。",
            "The shipment does not say whom it goes to. Give to, or the upload parameter of that "
            "name.",
        ),
        "no_voids": Message(
            "作废和更正需要用 voids 指明原事件（event_id 或摘要）。",
            "A void or correction must name the event in voids, by event_id or digest.",
        ),
        "bad_voids": Message(
            "voids 应为事件的 event_id（UUID）或 64 位十六进制摘要，见回执。",
            "The field voids takes an event_id (UUID) or a digest of 64 hex digits, as in the receipt.",
        ),
        "replacements_mismatch": Message(
            "换码时 replacements 必须与 codes 逐一对应、数量相同。",
            "A relabel needs exactly one replacement for each code, in the same order.",
        ),
        "repeated_in_relabel": Message(
            "同一个码在换码单中出现多次。每个旧码只能换一次，新码不能重复。",
            "A code occurs more than once in the relabel. Each old code is replaced once, each new "
            "code used once.",
        ),
        "field_not_for_kind": Message(
            "该业务类型没有这个字段。请删除该字段，或检查 kind。",
            "Events of this kind have no such field. Remove it, or check the kind.",
        ),
        "bad_portion": Message(
            "拆零比例应为如 1/12 的分数，大于 0 且不超过 1。",
            "The portion must be a fraction such as 1/12, more than 0 and at most 1.",
        ),
        "bad_attributes": Message(
            "attributes 应为 JSON 对象，不能含超大整数、NaN、空字符 (NUL) 或保留名称 voids_event_id。",
            "The attributes must be a JSON object without huge integers, NaN, NUL characters or the "
            "reserved name voids_event_id.",
        ),
        "attributes_too_large": Message(
            "attributes 过大。请只保留必要信息。",
            "The attributes are too large. Keep only what is needed.",
        ),
        "line_outside_block": Message(
            "该行不在 $ 开头的单据段内。请检查文件是否缺少 $供应商,单号 行。",
            "This line stands outside any block. Check for a missing $supplier,document line.",
        ),
        "no_end_line": Message(
            "最后一个单据段没有 # 结束行，文件可能不完整。请重新导出。",
            "The last block has no closing # line, so the file may be cut off. Export it again.",
        ),
        "foreign_actor": Message(
            "不能代其他单位上报。请使用该单位自己的密钥，或去掉 actor。",
            "This key does not speak for that actor. Use that party's own key, or leave out actor.",
        ),
        "unknown_event": Message(
            "没有找到 voids 所指的事件。请核对回执中的 event_id。",
            "There is no event under the id in voids. Check it against the receipt.",
        ),
        "foreign_void": Message(
            "只能作废本单位上报的事件。",
            "Only the party that reported an event, or a regulator, may void it.",
        ),
    }
)
"""One event, or one line of a file, that cannot be understood or taken."""

PROBLEM_MESSAGES: Final[Mapping[str, Message]] = MappingProxyType(
    {
        "internal": Message(
            "服务内部错误。请稍后重试；若反复出现，请提供 request_id。",
            "The service failed. Try again later; if it happens again, report the request_id.",
        ),
        "unreadable": Message(
            "上传内容无法读取，原因见 reason。请改正后重新上传。",
            "The upload cannot be read; reason says why. Correct it and send it again.",
        ),
        "too_large": Message(
            "超过上限，见 limit 和 value。请拆分后分次上传。",
            "A limit is exceeded, see limit and value. Split the upload and send the parts.",
        ),
        "idempotency_key_reused": Message(
            "该幂等键已用于其他内容。请为新内容使用新的幂等键。",
            "This idempotency key was used for other content. Use a new key for new content.",
        ),
        "busy": Message(
            "服务繁忙。请在 Retry-After 所示秒数后重试。",
            "Too much work is waiting. Send it again after the seconds in Retry-After.",
        ),
        "not_authenticated": Message(
            "没有密钥，或密钥无效、已撤销。请在 Authorization 头中提供有效密钥。",
            "There is no key, or it is unknown or revoked. Send a valid key in Authorization.",
        ),
        "not_allowed": Message(
            "该密钥无权执行此操作。请使用具有相应角色的密钥。",
            "This key may not do that. Use a key with the role it needs.",
        ),
        "not_found": Message(
            "没有找到，或该密钥无权查看。请核对编号。",
            "There is nothing here that this key may see. Check the id.",
        ),
        "already_there": Message(
            "该编号已存在且内容不同。请换用其他编号。",
            "This id is taken by something else. Use another id.",
        ),
        "bad_parameter": Message(
            "参数格式不正确，见 parameter。请改正后重试。",
            "A parameter is not of the right form; parameter names it. Correct it and try again.",
        ),
        "bad_request": Message(
            "请求不正确。请对照接口文档检查。",
            "The request is not right. Check it against the API document.",
        ),
        "no_such_path": Message(
            "没有这个地址。接口列表见 /openapi.json。",
            "There is no such path. See /openapi.json for those there are.",
        ),
        "method_not_allowed": Message(
            "该地址不支持此方法，见 Allow 头。",
            "This path does not take that method; the Allow header names those it takes.",
        ),
        "store_failed": Message(
            "数据库未能完成操作。请稍后重试；已确认的数据不受影响。",
            "The database did not do what was asked. Try again; nothing acknowledged is lost.",
        ),
        "store_unavailable": Message(
            "数据库暂时不可用。请稍后用同样内容重试，不会重复计入。",
            "The database is away. Send the same again in a moment; it will not count twice.",
        ),
    }
)
"""A request that cannot go on."""

REASON_MESSAGES: Final[Mapping[str, Message]] = MappingProxyType(
    {
        "format_unknown": Message(
            "无法判断文件格式。请用 format 参数指明。",
            "The format cannot be told or is not known. Name it in the format parameter.",
        ),
        "upload_empty": Message("上传内容为空。", "There is nothing in the upload."),
        "encoding_unknown": Message(
            "文件编码既不是 UTF-8 也不是 GBK。请另存为 UTF-8。",
            "The file is neither UTF-8 nor GBK. Save it as UTF-8.",
        ),
        "gzip_broken": Message("gzip 数据损坏或不完整。", "The gzip data is broken or cut off."),
        "zip_refused": Message(
            "不接受 zip 压缩包。请直接上传文件或使用 gzip。",
            "Zip archives are not taken. Send the file itself, or gzip.",
        ),
        "wrapped_too_deep": Message(
            "压缩或编码层数过多。", "The file is wrapped in too many layers of gzip or base64."
        ),
        "json_broken": Message("不是合法的 JSON。", "This is not valid JSON."),
        "json_shape": Message(
            'JSON 应为 {"events": [...]}、事件列表或单个事件。',
            'The JSON must be {"events": [...]}, a list of events, or one event.',
        ),
        "xml_broken": Message(
            "不是合法的 XML，或嵌套过深。", "This is not XML, or nested too deep."
        ),
        "xml_dtd_forbidden": Message(
            "XML 中不允许 DOCTYPE 和实体声明。请去掉后重新上传。",
            "DOCTYPE and entity declarations are refused. Remove them and send it again.",
        ),
        "xml_unexpected_root": Message(
            "XML 的结构不是出入库单据或关联关系。",
            "The XML is neither a bill nor a relation file.",
        ),
        "csv_broken": Message("CSV 无法解析。", "The CSV cannot be parsed."),
        "csv_without_header": Message(
            "第一行没有追溯码列。请加上表头，如“追溯码,单号,时间”。",
            "The first row names no column of trace codes. Add a header, such as code,document,time.",
        ),
        "txt_without_header": Message(
            "没有以 $ 开头的单据行（$供应商,单号）。",
            "There is no line that begins a block ($supplier,document).",
        ),
    }
)
"""Why an upload as a whole is unreadable: the `reason` field of its problem document."""

REMEDIES: Final[Mapping[str, Message]] = MappingProxyType(
    {**CODE_MESSAGES, **EVENT_MESSAGES, **PROBLEM_MESSAGES, **REASON_MESSAGES}
)

_UNKNOWN: Final = Message("无法处理。详见 detail。", "This cannot be processed; see detail.")


def message_for(error_code: str) -> Message:
    """Return the message of an error code; a general one for a code that has none."""
    return REMEDIES.get(error_code, _UNKNOWN)
