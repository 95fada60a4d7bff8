"""Which formats, codecs and protocols are read: by list, as a video may come from anybody.

FFmpeg knows some 350 formats. Left out are those that name other files or addresses (playlists, scripts), text art,
stills, sound, subtitles, devices, and the films of single games, which nobody has and few look after.
"""

from __future__ import annotations

FORMATS = (
    # What cameras, phones, stations, sites and archives make, by FFmpeg's names for its demuxers.
    *("mov", "matroska", "avi", "mpegts", "mpegtsraw", "mpeg", "mpegvideo", "m4v", "flv", "live_flv", "asf", "asf_o"),
    *("ogg", "rm", "ivr", "mxf", "gxf", "lxf", "nut", "wtv", "dv", "ty", "dhav", "nsv", "nuv", "swf", "pva"),
    *("gif", "apng", "yuv4mpegpipe", "ivf", "obu", "av1", "h261", "h263", "h264", "hevc", "vvc", "evc", "vc1"),
    *("vc1test", "mjpeg", "mjpeg_2000", "mpjpeg", "dirac", "dnxhd", "cavsvideo", "avs2", "avs3", "apv", "kux"),
)
REMOTE_PROTOCOLS, LOCAL_PROTOCOLS = "http,https,httpproxy,tcp,tls", "file"
CODECS = frozenset(
    [
        *("h261", "h263", "h263i", "h263p", "h264", "hevc", "vvc", "av1", "libdav1d", "vp3", "vp4", "vp5", "vp6"),
        *("vp6a", "vp6f", "vp7", "vp8", "vp9", "libvpx", "libvpx-vp9", "theora", "mpeg1video", "mpeg2video"),
        *("mpegvideo", "mpeg4", "msmpeg4", "msmpeg4v1", "msmpeg4v2", "wmv1", "wmv2", "wmv3", "wmv3image", "vc1"),
        *("vc1image", "mss1", "mss2", "mts2", "msa1", "flv", "flashsv", "flashsv2", "rv10", "rv20", "rv30", "rv40"),
        *(
            "rv60",
            "svq1",
            "svq3",
            "cinepak",
            "indeo2",
            "indeo3",
            "indeo4",
            "indeo5",
            "mjpeg",
            "mjpegb",
            "amv",
            "sp5x",
        ),
        *("mxpeg", "jpeg2000", "jpegls", "png", "apng", "gif", "webp", "bmp", "tiff", "targa", "dpx", "exr"),
        *("prores", "prores_raw", "dnxhd", "cfhd", "dvvideo", "ffv1", "ffvhuff", "huffyuv", "hymt", "utvideo"),
        *("lagarith", "magicyuv", "hap", "dxv", "notchlc", "speedhq", "hqx", "hq_hqa", "cllc", "aic", "pixlet"),
        *("media100", "dirac", "cavs", "snow", "apv", "rawvideo", "v210", "v210x", "v308", "v408", "v410", "r210"),
        *(
            "r10k",
            "y41p",
            "yuv4",
            "012v",
            "avrp",
            "avui",
            "cyuv",
            "cljr",
            "msrle",
            "msvideo1",
            "qtrle",
            "rpza",
            "smc",
        ),
        *("8bps", "camstudio", "camtasia", "tscc2", "zmbv", "zlib", "mszh", "fraps", "dxtory", "g2m", "screenpresso"),
        *(
            "rscc",
            "fmvc",
            "scpr",
            "vmnc",
            "loco",
            "vble",
            "sheervideo",
            "asv1",
            "asv2",
            "vcr1",
            "mimic",
            "nuv",
            "aasc",
        ),
        *("mvha", "mvdv", "truemotion1", "truemotion2", "ultimotion", "imm4", "imm5", "cpia", "zerocodec", "ylc"),
    ]
)
# For `read_picture`: stills beside the videos, so that a video can be told to be one.
PICTURE_FORMATS = (
    *FORMATS,
    *(
        "image2",
        "jpeg_pipe",
        "jpegls_pipe",
        "jpegxl_pipe",
        "jpegxl_anim",
        "j2k_pipe",
        "png_pipe",
        "gif_pipe",
        "webp_pipe",
    ),
    *("bmp_pipe", "tiff_pipe", "qoi_pipe", "ppm_pipe", "pgm_pipe", "pbm_pipe", "pam_pipe", "dpx_pipe", "exr_pipe"),
    *("hdr_pipe", "sgi_pipe", "ico"),
)
PICTURE_CODECS = CODECS | {"qoi", "ppm", "pgm", "pbm", "pam", "hdr", "sgi"}
# FFmpeg renders text files as terminal art; nobody means that when they hand over a .txt or .nfo file.
TEXT_ART_FORMATS = frozenset({"tty", "bin", "xbin", "adf", "idf"})
STILL_FORMATS = ("image2", "_pipe", "jpegxl_anim", "ico")
# They name other files or addresses, which need not be the caller's to read.
PLAYLIST_FORMATS = frozenset(
    {"hls", "concat", "dash", "imf", "sdp", "rtp", "rtsp", "sap", "webm_dash_manifest", "avisynth", "vapoursynth"}
)
SUBTITLE_FORMATS = frozenset(
    {
        "srt",
        "ass",
        "webvtt",
        "vobsub",
        "sup",
        "sami",
        "stl",
        "scc",
        "lrc",
        "mcc",
        "microdvd",
        "jacosub",
        "mpl2",
        "mpsub",
    }
    | {"pjs", "realtext", "subviewer", "subviewer1", "tedcaptions", "vplayer", "aqtitle", "dvbsub", "dvbtxt", "rcwt"}
)
SOUND_FORMATS = frozenset(
    {"wav", "mp3", "flac", "aac", "ac3", "ac4", "eac3", "dts", "dtshd", "truehd", "mlp", "aiff", "au", "caf", "w64"}
    | {
        "ape",
        "wv",
        "tta",
        "tak",
        "mpc",
        "mpc8",
        "amr",
        "amrnb",
        "amrwb",
        "aa",
        "aax",
        "dsf",
        "voc",
        "oma",
        "gsm",
        "spdif",
    }
    | {"loas", "latm", "iamf", "qcp", "sox", "shn", "ircam", "xwma", "osq", "bonk", "optimfrog", "adx", "sbc", "lc3"}
)


def refusal(format_name: str) -> str:
    """What is said of a file of a format that is not read."""
    if format_name in PLAYLIST_FORMATS:
        return "is a playlist; hand over the video files that it names"
    if format_name in TEXT_ART_FORMATS:
        return "is a text file, not a video"
    if format_name.endswith(STILL_FORMATS):
        return "is a still picture, not a video"
    if format_name in SOUND_FORMATS:
        return "holds only sound, no pictures"
    if format_name in SUBTITLE_FORMATS:
        return "holds only subtitles, no pictures"
    return f"its format, {format_name}, is not read here; convert it, e.g. to MP4"
