FROM node:20-alpine AS web
WORKDIR /web
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build

FROM nginx:1.27-alpine
COPY --from=web /web/dist /usr/share/nginx/html
ARG API_URL
ENV API_URL=${API_URL:-http://localhost:8000}
EXPOSE 80
