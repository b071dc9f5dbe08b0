"""The two-alternative preference study: a label map and two results, "which looks more like a photo of this layout?"

As in Park, Liu, Wang, Zhu: Semantic Image Synthesis with Spatially-Adaptive Normalization (2019), table 2. A study is a
folder: `create` fills it, `server` collects votes in it, `report` counts them.
"""
