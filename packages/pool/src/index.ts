export { type RedisOptions, redis } from './rules/redis.js'
