"""The one place that imports cv2, so that its switches are set on every node before the first use.

IPP is off because its results differ from plain OpenCV's, and for Canny from its own; the pixel cap is raised past
ours because intake refuses by the header, before cv2 sees the picture.
"""

import os

os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 28))

import cv2

cv2.ipp.setUseIPP(False)

__all__ = ["cv2"]
