"""The one place that imports cv2, so that its switches are set on every node before the first use.

IPP is off because its results differ from plain OpenCV's, and for Canny from its own; `cv2.ipp.setUseIPP` would only
hold for the thread that calls it, and the work is done in others. The pixel cap is raised past ours because intake
refuses by the header, before cv2 sees the picture; what cv2 would print about a broken file, intake says as a Problem.
"""

import os

os.environ["OPENCV_IPP"] = "disabled"  # read once, at cv2's first use
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 28))
os.environ.setdefault("OPENCV_LOG_LEVEL", "FATAL")

import cv2

if cv2.ipp.useIPP():
    raise RuntimeError("cv2 was used before its switches were set: import it from actors.kit.imaging.cv only")

__all__ = ["cv2"]
