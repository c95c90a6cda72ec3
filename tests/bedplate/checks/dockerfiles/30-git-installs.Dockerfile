FROM pytorch/pytorch:2.3.1-cuda12.1-cudnn8-devel
RUN pip install git+https://github.com/huggingface/peft.git
RUN pip install git+https://github.com/huggingface/trl.git@v0.9.6
RUN pip install --no-build-isolation flash-attn==2.6.1
RUN pip install "detectron2 @ git+https://github.com/facebookresearch/detectron2.git@70f454304e1a38378200459dd2dbca0f0f4a5ab4"
RUN pip install https://example.org/wheels/ours-1.0-py3-none-any.whl ./local_package
